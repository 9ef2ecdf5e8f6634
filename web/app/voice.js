/**
 * @file Listening to a spoken query: by the browser's recogniser, which shows words as they are spoken, or else by a
 * recording that the API turns into text.
 */

/** @typedef {"none" | "insecure" | "denied" | "absent" | "taken" | "silence" | "unavailable" | "failed"} VoiceProblem */
/**
 * @typedef {object} VoiceListener
 * @property {(level: number) => void} onLevel how loud it is, 0…1
 * @property {(words: string) => void} onWords what has been understood so far
 * @property {() => void} onThinking the recording has ended, and is being turned into text
 * @property {(text: string) => void} onText what was said
 * @property {(problem: VoiceProblem | unknown) => void} onProblem one of the problems, or an error of the API
 *
 * @typedef {{stop: () => void, cancel: () => void}} Listening `stop`: what was said until now is it
 */

const LONGEST = 14_500; // milliseconds; the API takes 15 s, and a timer is late
const PAUSE = 1300; // milliseconds of silence after speech that end it
const PATIENCE = 6000; // milliseconds of silence at the beginning that end it
const LOUD = 0.045; // root mean square of the samples: speech close by is above, a quiet room below
const TICK = 50; // milliseconds
const DEAF = 1500; // milliseconds after which a recogniser that may listen and does not has no service behind it

/** @typedef {{isFinal: boolean, 0?: {transcript: string}}} Heard */
/**
 * What of the recogniser is used; it is not in TypeScript's DOM library.
 * @typedef {EventTarget & {
 *   lang: string, interimResults: boolean, continuous: boolean, maxAlternatives: number,
 *   start(): void, stop(): void, abort(): void,
 * }} Recogniser
 */

/** Says when a query has been spoken: a pause after speech, no speech at all, or too much of it. */
export class EndOfSpeech {
  heard = false;
  /** @type {number | null} */ #begun = null;
  #last = 0;

  /**
   * @param {number} level root mean square of the samples
   * @param {number} now milliseconds
   * @returns {boolean} whether it is over
   */
  hear(level, now) {
    this.#begun ??= now;
    if (level >= LOUD) {
      this.heard = true;
      this.#last = now;
    }
    if (now - this.#begun >= LONGEST) return true;
    return this.heard ? now - this.#last >= PAUSE : now - this.#begun >= PATIENCE;
  }
}

/** How loud a stream is, and when whoever speaks has finished. */
class Meter {
  #timer = 0;

  /** @param {MediaStream} stream */
  constructor(stream) {
    this.sound = new AudioContext();
    this.analyser = this.sound.createAnalyser();
    this.analyser.fftSize = 1024;
    this.sound.createMediaStreamSource(stream).connect(this.analyser);
  }

  /**
   * @param {(level: number) => void} onLevel
   * @param {() => void} onEnd speech has ended, or did not begin
   * @returns {() => boolean} whether anything was heard
   */
  follow(onLevel, onEnd) {
    const samples = new Float32Array(this.analyser.fftSize);
    const clock = new EndOfSpeech();
    void this.sound.resume();
    this.#timer = window.setInterval(() => {
      this.analyser.getFloatTimeDomainData(samples);
      const level = Math.sqrt(samples.reduce((sum, each) => sum + each * each, 0) / samples.length);
      onLevel(Math.min(1, level * 6));
      if (clock.hear(level, performance.now())) onEnd();
    }, TICK);
    return () => clock.heard;
  }

  close() {
    clearInterval(this.#timer);
    if (this.sound.state !== "closed") void this.sound.close();
  }
}

/** Recognisers that have failed here once, for good, are not asked again. */
let recogniserWorks = true;

/** Whether there is any way to listen. */
export function canListen() {
  return recogniserClass() !== null || canRecord();
}

/** @returns {(new () => Recogniser) | null} */
function recogniserClass() {
  if (!recogniserWorks) return null;
  const here = /** @type {Record<string, unknown>} */ (/** @type {unknown} */ (window));
  return /** @type {(new () => Recogniser) | null} */ (here.SpeechRecognition ?? here.webkitSpeechRecognition ?? null);
}

function canRecord() {
  return typeof MediaRecorder === "function" && navigator.mediaDevices?.getUserMedia !== undefined;
}

/**
 * Starts to listen.
 * @param {VoiceListener} listener
 * @param {{language: string, transcribe: (recording: Blob, signal: AbortSignal) => Promise<string>}} options
 * @returns {Listening}
 */
export function listen(listener, { language, transcribe }) {
  /** @type {Listening} */
  let now = { stop: () => undefined, cancel: () => undefined };
  let over = false;
  const record = () => {
    if (over) return;
    if (!canRecord()) {
      // Not before the caller knows that it is being listened.
      queueMicrotask(() => listener.onProblem(window.isSecureContext ? "none" : "insecure"));
      return;
    }
    now = recording(listener, transcribe);
  };
  const Recogniser = recogniserClass();
  if (Recogniser) {
    now = recognising(new Recogniser(), listener, language, () => {
      recogniserWorks = false;
      record();
    });
  } else {
    record();
  }
  return {
    stop: () => now.stop(),
    cancel: () => {
      over = true;
      now.cancel();
    },
  };
}

/**
 * @param {Recogniser} recogniser
 * @param {VoiceListener} listener
 * @param {string} language
 * @param {() => void} otherwise listens in the other way, where this one does not work
 * @returns {Listening}
 */
function recognising(recogniser, listener, language, otherwise) {
  let words = "";
  let hears = false;
  let done = false;
  let stopped = false; // by whoever speaks: then another way to listen is not wanted
  const limit = setTimeout(() => recogniser.stop(), LONGEST);
  const end = (/** @type {() => void} */ tell) => {
    if (done) return;
    done = true;
    clearTimeout(limit);
    tell();
  };
  // Browsers without a service of their own have the class all the same, and some of them never say a word. While somebody is
  // being asked for the microphone, silence means nothing.
  void microphoneGranted().then(() =>
    setTimeout(() => {
      if (!hears) end(() => (recogniser.abort(), stopped ? listener.onProblem("silence") : otherwise()));
    }, DEAF),
  );
  recogniser.addEventListener("audiostart", () => (hears = true));
  recogniser.lang = language === "ru" ? "ru-RU" : "en-US";
  recogniser.interimResults = true;
  recogniser.continuous = false;
  recogniser.maxAlternatives = 1;
  recogniser.addEventListener("result", (event) => {
    const { results } = /** @type {{results: Iterable<Heard>}} */ (/** @type {unknown} */ (event));
    words = Array.from(results, (heard) => heard[0]?.transcript ?? "")
      .join(" ")
      .replace(/\s+/g, " ")
      .trim();
    if (!done) listener.onWords(words);
  });
  recogniser.addEventListener("error", (event) => {
    const { error } = /** @type {{error: string}} */ (/** @type {unknown} */ (event));
    if (error === "no-speech") end(() => listener.onProblem("silence"));
    else if (error === "not-allowed") end(() => listener.onProblem("denied"));
    // Its service is out of reach, does not know the language, or finds no microphone where a recorder does.
    else if (error !== "aborted") end(otherwise);
  });
  recogniser.addEventListener("end", () =>
    end(() => {
      if (words) listener.onText(tidy(words));
      else if (hears || stopped) listener.onProblem("silence");
      else otherwise();
    }),
  );
  try {
    recogniser.start();
  } catch {
    end(otherwise);
  }
  return {
    stop: () => {
      stopped = true;
      recogniser.stop();
    },
    cancel: () => {
      end(() => undefined);
      recogniser.abort();
    },
  };
}

/**
 * @param {VoiceListener} listener
 * @param {(recording: Blob, signal: AbortSignal) => Promise<string>} transcribe
 * @returns {Listening}
 */
function recording(listener, transcribe) {
  const given = new AbortController();
  // While somebody is being asked for the microphone, nothing can have been said.
  let stopRecorder = () => {
    if (given.signal.aborted) return;
    given.abort();
    listener.onProblem("silence");
  };
  void (async () => {
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true, channelCount: 1 } });
    } catch (error) {
      if (!given.signal.aborted) listener.onProblem(microphoneProblem(error));
      return;
    }
    /** @type {Meter | null} */
    let meter = null;
    try {
      meter = new Meter(stream);
      if (given.signal.aborted) return;
      const kind = ["audio/webm;codecs=opus", "audio/mp4", "audio/ogg;codecs=opus"].find((each) => MediaRecorder.isTypeSupported(each));
      const recorder = new MediaRecorder(stream, { ...(kind && { mimeType: kind }), audioBitsPerSecond: 32_000 });
      /** @type {Blob[]} */
      const chunks = [];
      recorder.addEventListener("dataavailable", ({ data }) => chunks.push(data));
      const stopped = new Promise((resolve) => recorder.addEventListener("stop", resolve, { once: true }));
      stopRecorder = () => void (recorder.state !== "inactive" && recorder.stop());
      given.signal.addEventListener("abort", stopRecorder);
      recorder.start();
      const heard = meter.follow(listener.onLevel, () => stopRecorder());
      await stopped;
      meter.close();
      if (given.signal.aborted) return;
      if (!heard()) {
        listener.onProblem("silence");
        return;
      }
      listener.onThinking();
      const text = await transcribe(new Blob(chunks, { type: recorder.mimeType.split(";")[0] }), given.signal);
      if (!given.signal.aborted) listener.onText(tidy(text));
    } catch (error) {
      if (!given.signal.aborted) listener.onProblem(error);
    } finally {
      meter?.close();
      for (const track of stream.getTracks()) track.stop();
    }
  })();
  return { stop: () => stopRecorder(), cancel: () => given.abort() };
}

/**
 * Resolves when the page may use the microphone; never, where that cannot be known.
 * @returns {Promise<void>}
 */
function microphoneGranted() {
  return new Promise((resolve) => {
    navigator.permissions
      ?.query({ name: /** @type {PermissionName} */ ("microphone") })
      .then((status) => {
        const look = () => status.state === "granted" && resolve();
        status.addEventListener("change", look);
        look();
      })
      .catch(() => undefined);
  });
}

/** @param {unknown} error @returns {VoiceProblem} */
function microphoneProblem(error) {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError" || name === "SecurityError") return "denied";
  if (name === "NotFoundError" || name === "OverconstrainedError") return "absent";
  if (name === "NotReadableError") return "taken";
  return "failed";
}

/** @param {string} text */
function tidy(text) {
  return text.trim().replace(/[.…]+$/u, "").trim();
}

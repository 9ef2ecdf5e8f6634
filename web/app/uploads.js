/**
 * @file Uploads: a few at once, straight to the bucket, whatever view is shown. What has arrived is followed by its id.
 */

import { ApiError } from "./api.js";

/** @typedef {import("./types.js").UploadTicket} UploadTicket */
/** @typedef {"waiting" | "sending" | "arrived" | "gone" | "failed"} UploadState */

const AT_ONCE = 3; // more share one line, and all of them end later
const STORED = "kadr.uploads";
const MOST_KEPT = 50;

/**
 * @typedef {object} Upload
 * @property {number} id
 * @property {string} name of the file
 * @property {number} size bytes
 * @property {File | null} file null after a reload: what has arrived is followed all the same
 * @property {UploadState} state
 * @property {number} sent 0…1
 * @property {string | null} videoId
 * @property {string} key of the object in the bucket, once there is one
 * @property {number} arrived when it did (`Date.now()`); 0 before
 * @property {boolean} going whether it is being deleted
 * @property {unknown} error why it failed
 * @property {import("./types.js").Video | null} video what is known of it, once it has arrived
 * @property {AbortController} abort
 *
 * Sends a file with the form that the API gave; rejects with {@link ApiError}, or an abort.
 * @callback Send
 * @param {UploadTicket} ticket
 * @param {File} file
 * @param {{onProgress: (sent: number) => void, signal: AbortSignal}} options
 * @returns {Promise<void>}
 */

/** The uploads of this tab. Tells `change` whenever one of them does; the event's `detail` is that one, or null. */
export class Uploads extends EventTarget {
  /** @type {Upload[]} the newest first */
  items = [];
  #next = 1;

  /**
   * @param {object} options
   * @param {(file: {name: string, size: number, content_type: string}, options: {signal: AbortSignal}) => Promise<UploadTicket>} options.ticket
   * @param {Send} options.send
   * @param {number} [options.atOnce]
   * @param {Pick<Storage, "getItem" | "setItem"> | null} [options.storage] where ids are kept over a reload
   * @param {(run: () => void, milliseconds: number) => unknown} [options.later]
   */
  constructor({ ticket, send, atOnce = AT_ONCE, storage = null, later = (run, milliseconds) => setTimeout(run, milliseconds) }) {
    super();
    this.ticket = ticket;
    this.send = send;
    this.atOnce = atOnce;
    this.storage = storage;
    this.later = later;
    this.#restore();
  }

  /** Whether something would be lost if the page were closed. */
  get busy() {
    return this.items.some(({ state }) => state === "waiting" || state === "sending");
  }

  /** @param {Iterable<File>} files */
  add(files) {
    for (const file of files) this.items.unshift(this.#item(file.name, file.size, file));
    this.#changed(null);
    this.#start();
  }

  /**
   * Gives an upload up, or takes one that is over off the list.
   * @param {Upload} item
   */
  remove(item) {
    item.abort.abort();
    this.items = this.items.filter((other) => other !== item);
    this.#store();
    this.#changed(null);
    this.#start();
  }

  /** @param {Upload} item one that failed */
  again(item) {
    if (item.state !== "failed" || item.file === null) return;
    item.state = "waiting";
    item.error = null;
    item.sent = 0;
    this.#changed(item);
    this.#start();
  }

  /**
   * Notes what is known of a video that has arrived.
   * @param {Upload} item
   * @param {import("./types.js").Video} video
   */
  know(item, video) {
    item.video = video;
    this.#changed(item);
  }

  /**
   * Notes whether a video is being deleted, which goes on in other views as well.
   * @param {Upload} item
   * @param {boolean} going
   */
  deleting(item, going) {
    item.going = going;
    this.#changed(item);
  }

  /**
   * Notes that there is no such video: it stays on the list until somebody has read that.
   * @param {Upload} item
   */
  lose(item) {
    item.state = "gone";
    item.video = null;
    item.videoId = null; // after a reload, nothing is asked about it any more
    this.#store();
    this.#changed(item);
  }

  #start() {
    const running = this.items.filter(({ state }) => state === "sending").length;
    const waiting = this.items.filter(({ state }) => state === "waiting").reverse();
    for (const item of waiting.slice(0, Math.max(0, this.atOnce - running))) void this.#run(item);
  }

  /** @param {Upload} item */
  async #run(item) {
    const { file } = item;
    if (file === null) return;
    const { signal } = item.abort;
    item.state = "sending";
    this.#changed(item);
    try {
      const ticket = await this.ticket({ name: file.name, size: file.size, content_type: file.type }, { signal });
      const onProgress = (/** @type {number} */ sent) => {
        item.sent = sent;
        this.#changed(item);
      };
      await this.send(ticket, file, { onProgress, signal });
      item.videoId = ticket.video_id;
      item.key = ticket.key;
      item.arrived = Date.now();
      item.state = "arrived";
      item.sent = 1;
      this.#store();
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof ApiError && error.code === "too_many") {
        // Many files at once: the server says when it takes the next.
        item.state = "waiting";
        this.#changed(item);
        this.later(() => this.#start(), 1000 * (error.retryAfter ?? 5));
        return;
      }
      item.state = "failed";
      item.error = error;
    }
    this.#changed(item);
    this.#start();
  }

  /** @param {string} name @param {number} size @param {File | null} file @returns {Upload} */
  #item(name, size, file) {
    return {
      id: this.#next++,
      name,
      size,
      file,
      state: file === null ? "arrived" : "waiting",
      sent: file === null ? 1 : 0,
      videoId: null,
      key: "",
      arrived: 0,
      going: false,
      error: null,
      video: null,
      abort: new AbortController(),
    };
  }

  /** @param {Upload | null} item */
  #changed(item) {
    this.dispatchEvent(new CustomEvent("change", { detail: item }));
  }

  #store() {
    const kept = this.items.flatMap(({ name, size, videoId, key, arrived }) => (videoId === null ? [] : [{ name, size, videoId, key, arrived }]));
    try {
      this.storage?.setItem(STORED, JSON.stringify(kept.slice(0, MOST_KEPT)));
    } catch {
      // Storage is full or switched off: the list lasts until the page is reloaded.
    }
  }

  #restore() {
    try {
      const kept = JSON.parse(this.storage?.getItem(STORED) ?? "[]");
      this.items = kept.map((/** @type {{name: string, size: number, videoId: string, key: string, arrived: number}} */ { name, size, videoId, key, arrived }) => ({
        ...this.#item(String(name), Number(size), null),
        videoId: String(videoId),
        key: String(key),
        arrived: Number(arrived),
      }));
    } catch {
      this.items = [];
    }
  }
}

/** Sends a form to the bucket. `fetch` cannot say how far it is. @type {Send} */
export function sendForm(ticket, file, { onProgress, signal }) {
  return new Promise((resolve, reject) => {
    const form = new FormData();
    for (const [name, value] of Object.entries(ticket.fields)) form.append(name, value);
    form.append("file", file); // the storage ignores every field behind it
    const request = new XMLHttpRequest();
    const stop = () => request.abort();
    signal.addEventListener("abort", stop, { once: true });
    request.upload.addEventListener("progress", ({ loaded, total }) => onProgress(total > 0 ? loaded / total : 0));
    request.addEventListener("abort", () => reject(new DOMException("given up", "AbortError")));
    request.addEventListener("error", () => reject(new ApiError(navigator.onLine === false ? "offline" : "network", "the storage does not answer")));
    request.addEventListener("load", () => {
      if (request.status >= 200 && request.status < 300) resolve();
      else reject(refusal(request.status, request.responseText));
    });
    request.addEventListener("loadend", () => signal.removeEventListener("abort", stop));
    request.open("POST", ticket.url);
    request.send(form);
  });
}

/**
 * Why the storage did not take a file.
 * @param {number} status
 * @param {string} answer XML with a code
 */
export function refusal(status, answer) {
  const code = /<Code>(\w+)<\/Code>/.exec(answer)?.[1] ?? "";
  const message = /<Message>([^<]*)<\/Message>/.exec(answer)?.[1] ?? `the storage answered ${status}`;
  if (code === "EntityTooLarge") return new ApiError("too_large", message, { status });
  if (code === "EntityTooSmall") return new ApiError("empty_file", message, { status });
  if (status === 403) return new ApiError("upload_expired", message, { status });
  if (status >= 500 || code === "SlowDown") return new ApiError("unavailable", message, { status });
  return new ApiError("storage", message, { status });
}

/**
 * @file The API: one method per route. Every request can be aborted, ends after a time, and fails in words.
 */

/** @typedef {import("./types.js").Translate} Translate */
/** @typedef {string | number | boolean | null | undefined} Value */
/** @typedef {Record<string, Value | readonly Value[]>} Params */
/** @typedef {{signal?: AbortSignal, timeout?: number}} Options */

const TIMEOUT = 30_000; // milliseconds; what the gateway gives a request

/** A request that failed: `code` is the API's, or `offline`, `network`, `timeout` where no answer came. */
export class ApiError extends Error {
  /**
   * @param {string} code
   * @param {string} message the API's, in English
   * @param {{status?: number, retryAfter?: number | null}} [about] `retryAfter` in seconds
   */
  constructor(code, message, { status = 0, retryAfter = null } = {}) {
    super(message);
    this.name = "ApiError";
    this.code = code;
    this.status = status;
    this.retryAfter = retryAfter;
  }

  /** Whether the same request may work later. */
  get passing() {
    return ["offline", "network", "timeout", "unavailable", "busy", "too_many", "failed"].includes(this.code);
  }
}

/**
 * Whether a request was given up by the page itself: nothing to tell anybody.
 * @param {unknown} error
 */
export function isAbort(error) {
  return error instanceof DOMException && error.name === "AbortError";
}

/**
 * Says what went wrong, for people. What the API said is kept where the page has no words of its own for it.
 * @param {unknown} error
 * @param {Translate} t
 */
export function inWords(error, t) {
  if (!(error instanceof ApiError)) return t("error.page");
  // The API says which weights; for whom it matters, that is in the status.
  if (error.message.includes("weights not installed")) return t("error.weights");
  const key = `error.${error.code}`;
  const words = t(key, { message: error.message, seconds: error.retryAfter ?? 5 });
  return words === key ? error.message : words;
}

/** The routes. Answers are typed in `types.js`; every method throws {@link ApiError}, or an abort. */
export class Api {
  /** @param {import("./session.js").Session} session whose key goes with requests that need one */
  constructor(session) {
    this.session = session;
  }

  /** @param {Params} params @param {Options} [options] @returns {Promise<import("./types.js").SearchAnswer>} */
  search(params, options) {
    return this.get("/search", params, options);
  }

  /** @param {Params} params @param {Options} [options] @returns {Promise<import("./types.js").SuggestAnswer>} */
  suggest(params, options) {
    return this.get("/suggest", params, options);
  }

  /** @param {string} user @returns {Promise<{erased: number}>} */
  eraseHistory(user) {
    return this.request("DELETE", "/history", { params: { user } });
  }

  /** @param {string} video @param {Params} params @param {Options} [options] @returns {Promise<import("./types.js").SimilarAnswer>} */
  similar(video, params, options) {
    return this.get(`/videos/${encodeURIComponent(video)}/similar`, params, options);
  }

  /** @param {Blob} file @param {Params} params @param {Options} [options] @returns {Promise<import("./types.js").SimilarAnswer>} */
  searchByImage(file, params, options) {
    return this.request("POST", "/search/image", { ...options, params, body: file });
  }

  /** @param {Blob} recording @param {Options} [options] @returns {Promise<import("./types.js").SpeechAnswer>} */
  speechQuery(recording, options) {
    return this.request("POST", "/speech-query", { ...options, body: recording });
  }

  /** @param {Params} params @param {Options} [options] @returns {Promise<import("./types.js").VideosAnswer>} */
  videos(params, options) {
    return this.get("/videos", params, options);
  }

  /** @param {string} video @param {Options} [options] @returns {Promise<import("./types.js").Video>} */
  video(video, options) {
    return this.get(`/videos/${encodeURIComponent(video)}`, {}, options);
  }

  /** @param {Options} [options] @returns {Promise<import("./types.js").StatusAnswer>} */
  status(options) {
    return this.get("/status", {}, options);
  }

  /** @param {string} key @returns {Promise<{scopes: import("./types.js").Scope[]}>} */
  askSession(key) {
    return this.request("GET", "/session", { key });
  }

  /** @param {{name: string, size: number, content_type: string}} file @param {Options} [options] @returns {Promise<import("./types.js").UploadTicket>} */
  createUpload(file, options) {
    return this.request("POST", "/uploads", { ...options, json: file, keyed: true });
  }

  /** @param {string} video @param {Options} [options] @returns {Promise<{video_id: string, state: string}>} */
  deleteVideo(video, options) {
    return this.request("DELETE", `/videos/${encodeURIComponent(video)}`, { ...options, keyed: true });
  }

  /** @param {string} video @param {Options} [options] @returns {Promise<{video_id: string, stages: import("./types.js").Stage[]}>} */
  retryVideo(video, options) {
    return this.request("POST", `/videos/${encodeURIComponent(video)}/retry`, { ...options, keyed: true });
  }

  /** @param {Params} [params] @param {Options} [options] @returns {Promise<import("./types.js").ThemesAnswer>} */
  themes(params, options) {
    return this.get("/themes", params, options);
  }

  /** @param {string} theme @param {Params} [params] @param {Options} [options] @returns {Promise<import("./types.js").ThemeAnswer>} */
  theme(theme, params, options) {
    return this.get(`/themes/${encodeURIComponent(theme)}`, params, options);
  }

  /** @param {string} theme @param {string} name @param {Options} [options] @returns {Promise<import("./types.js").Theme>} */
  renameTheme(theme, name, options) {
    return this.request("PATCH", `/themes/${encodeURIComponent(theme)}`, { ...options, json: { name }, keyed: true });
  }

  /** @param {Params} [params] @param {Options} [options] @returns {Promise<import("./types.js").PeopleAnswer>} */
  people(params, options) {
    return this.get("/people", params, options);
  }

  /** @param {string} person @param {Params} [params] @param {Options} [options] @returns {Promise<import("./types.js").PersonAnswer>} */
  person(person, params, options) {
    return this.get(`/people/${encodeURIComponent(person)}`, params, options);
  }

  /** @param {string} person @param {string} name @param {Options} [options] @returns {Promise<import("./types.js").Person>} */
  renamePerson(person, name, options) {
    return this.request("PATCH", `/people/${encodeURIComponent(person)}`, { ...options, json: { name }, keyed: true });
  }

  /** @param {string} person @param {string} into @param {Options} [options] @returns {Promise<import("./types.js").Person>} */
  mergePerson(person, into, options) {
    return this.request("POST", `/people/${encodeURIComponent(person)}/merge`, { ...options, json: { into }, keyed: true });
  }

  /** @param {string} person @param {string[]} faces @param {Options} [options] @returns {Promise<import("./types.js").Person>} */
  splitPerson(person, faces, options) {
    return this.request("POST", `/people/${encodeURIComponent(person)}/split`, { ...options, json: { faces }, keyed: true });
  }

  /** @param {string} person @param {string} face_id @param {Options} [options] @returns {Promise<import("./types.js").Person>} */
  rejectFace(person, face_id, options) {
    return this.request("POST", `/people/${encodeURIComponent(person)}/reject`, { ...options, json: { face_id }, keyed: true });
  }

  /**
   * @template T
   * @param {string} path @param {Params} [params] @param {Options} [options]
   * @returns {Promise<T>}
   */
  get(path, params, options) {
    return this.request("GET", path, { ...options, params });
  }

  /**
   * Sends a request and returns the answer's JSON.
   * @template T
   * @param {string} method
   * @param {string} path
   * @param {Options & {params?: Params, json?: unknown, body?: Blob, key?: string, keyed?: boolean}} [options] `keyed`: send
   *   the session's key along; `key`: this one
   * @returns {Promise<T>}
   */
  async request(method, path, options = {}) {
    const { params = {}, json, body, signal, timeout = TIMEOUT } = options;
    /** @type {Record<string, string>} */
    const headers = { Accept: "application/json" };
    const key = options.key ?? (options.keyed ? this.session.key : null);
    if (key) headers.Authorization = `Bearer ${key}`;
    if (json !== undefined) headers["Content-Type"] = "application/json";
    else if (body !== undefined) headers["Content-Type"] = body.type;
    const limit = AbortSignal.timeout(timeout);
    const either = new AbortController();
    const stop = () => either.abort(signal?.aborted ? signal.reason : limit.reason);
    limit.addEventListener("abort", stop);
    signal?.addEventListener("abort", stop);
    try {
      signal?.throwIfAborted();
      const response = await fetch(path + queryString(params), {
        method,
        headers,
        body: json !== undefined ? JSON.stringify(json) : (body ?? null),
        signal: either.signal,
      });
      const answer = await response.json().catch((error) => {
        if (either.signal.aborted) throw error;
        return null;
      });
      if (!response.ok) throw refusal(response, answer);
      if (answer === null) throw new ApiError("failed", "the answer is no JSON", { status: response.status });
      return answer;
    } catch (error) {
      if (error instanceof ApiError) throw error;
      if (signal?.aborted) throw new DOMException("given up", "AbortError");
      if (limit.aborted) throw new ApiError("timeout", `no answer within ${timeout / 1000} s`);
      throw new ApiError(navigator.onLine === false ? "offline" : "network", String(error));
    } finally {
      limit.removeEventListener("abort", stop);
      signal?.removeEventListener("abort", stop);
    }
  }
}

/**
 * @param {Response} response
 * @param {{error?: {code?: string, message?: string}} | null} answer
 */
function refusal(response, answer) {
  const wait = Number(response.headers.get("Retry-After"));
  // An answer without a body of ours is the gateway's, or a proxy's.
  const code = answer?.error?.code ?? (response.status === 429 ? "too_many" : response.status >= 500 ? "unavailable" : "failed");
  return new ApiError(code, answer?.error?.message ?? response.statusText, {
    status: response.status,
    retryAfter: Number.isFinite(wait) && wait > 0 ? wait : null,
  });
}

/**
 * Writes parameters as a query string with its `?`; what is null or undefined is left out, lists are repeated.
 * @param {Params} params
 */
export function queryString(params) {
  const parts = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== null && each !== undefined && each !== "") parts.append(name, String(each));
    }
  }
  const text = parts.toString();
  return text && `?${text}`;
}

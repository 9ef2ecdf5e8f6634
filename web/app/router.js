/**
 * @file Which view an address means, and the browser's history: going there, and coming back to where one was.
 */

/** @typedef {"home" | "search" | "video" | "themes" | "people" | "upload" | "editor" | "missing"} ViewName */
/** @typedef {{view: ViewName, params: URLSearchParams}} Route */

/**
 * Reads an address. The page has one path, `/`; everything else is in the query string, so that a bucket can serve it.
 * @param {string} search the query string
 * @returns {Route}
 */
export function parseRoute(search) {
  const params = new URLSearchParams(search);
  const has = (/** @type {string} */ name) => Boolean(params.get(name)?.trim());
  const named = params.get("view");
  /** @type {ViewName} */
  let view = "home";
  if (has("video")) view = "video";
  else if (has("q") || has("similar") || has("picture")) view = "search";
  else if (has("theme")) view = "themes";
  else if (has("person")) view = "people";
  else if (named === "themes" || named === "people" || named === "upload" || named === "editor") view = named;
  else if (named) view = "missing";
  return { view, params };
}

/** What narrows a search, besides what is looked for. */
export const NARROWING = ["modality", "theme", "person", "language", "min_duration", "max_duration", "after", "before"];

/**
 * What of a search's parameters says where it looked, and how it read the query.
 * @param {URLSearchParams} params
 * @returns {Record<string, string[]>}
 */
export function narrowing(params) {
  return Object.fromEntries([...NARROWING, "skip"].map((name) => [name, params.getAll(name)]));
}

/**
 * Writes an address of the page: `/?…`, or `/`.
 * @param {import("./api.js").Params} params what is null, undefined or empty is left out
 */
export function address(params) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== null && each !== undefined && each !== "" && each !== false) query.append(name, String(each));
    }
  }
  const text = query.toString();
  return text ? `/?${text}` : "/";
}

/**
 * @typedef {object} Entry one entry of the history
 * @property {Route} route
 * @property {Record<string, unknown>} memory what the view keeps with it
 * @property {number} scroll where it was left, in pixels
 * @property {boolean} restored whether it was shown before
 */

const FRESH = 50 * 60_000; // milliseconds: links to pictures and videos work for an hour

/** The history. Tells `onChange` about every entry that is to be shown. */
export class Router {
  /** @type {Map<string, {memory: Record<string, unknown>, scroll: number, since: number}>} */
  #kept = new Map();
  #key = "";

  /** @param {(entry: Entry) => void} onChange */
  constructor(onChange) {
    this.onChange = onChange;
  }

  /** Shows the address that the page was opened with, and follows links from now on. */
  start() {
    history.scrollRestoration = "manual";
    const state = /** @type {{key?: string, scroll?: number} | null} */ (history.state);
    this.#key = state?.key ?? newKey();
    // After a reload only the place is known, not what was there.
    const scroll = state?.scroll ?? 0;
    history.replaceState({ key: this.#key }, "");
    window.addEventListener("popstate", () => this.#popped());
    window.addEventListener("pagehide", () => history.replaceState({ key: this.#key, scroll: window.scrollY }, ""));
    document.addEventListener("click", (event) => this.#clicked(event));
    this.#show(scroll, false);
  }

  /**
   * Goes to an address of the page.
   * @param {string} to `/?…`
   * @param {{replace?: boolean}} [options] `replace`: in the place of the current entry of the history
   */
  navigate(to, { replace = false } = {}) {
    this.#leave();
    const here = to === location.pathname + location.search;
    if (!replace && !here) this.#key = newKey();
    if (here || replace) this.#kept.delete(this.#key);
    history[replace || here ? "replaceState" : "pushState"]({ key: this.#key }, "", to);
    this.#show(0, false);
  }

  /** Shows the current entry again, as it is: the language has changed, for example. */
  refresh() {
    this.#leave();
    this.#show(window.scrollY, true);
  }

  #popped() {
    const left = this.#key;
    this.#leave();
    const state = /** @type {{key?: string} | null} */ (history.state);
    if (!state?.key) {
      // A fragment somebody typed or followed: the page stays.
      history.replaceState({ key: left }, "");
      this.#key = left;
      if (location.hash) return;
    } else {
      this.#key = state.key;
    }
    const kept = this.#kept.get(this.#key);
    this.#show(kept?.scroll ?? 0, kept !== undefined);
  }

  #leave() {
    const { memory, since } = this.#entry(this.#key);
    this.#kept.set(this.#key, { memory, since, scroll: window.scrollY });
  }

  /** @param {string} key */
  #entry(key) {
    const kept = this.#kept.get(key);
    return kept && Date.now() - kept.since < FRESH ? kept : { memory: {}, scroll: kept?.scroll ?? 0, since: Date.now() };
  }

  /** @param {number} scroll @param {boolean} restored */
  #show(scroll, restored) {
    const { memory, since } = this.#entry(this.#key);
    this.#kept.set(this.#key, { memory, since, scroll });
    this.onChange({ route: parseRoute(location.search), memory, scroll, restored });
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
    if (!(link instanceof HTMLAnchorElement) || link.target || link.hasAttribute("download")) return;
    if (link.origin !== location.origin || link.pathname !== "/" || link.hash) return;
    event.preventDefault();
    // A link with `data-replace` goes on within one entry: "back" leaves them all at once.
    this.navigate(link.pathname + link.search, { replace: link.dataset.replace !== undefined });
  }
}

function newKey() {
  return crypto.getRandomValues(new Uint32Array(2)).join("-");
}

/**
 * @file Starts the page: the shell once, and a view for every entry of the history.
 */

import { Api, ApiError, inWords, isAbort } from "./api.js";
import { h } from "./dom.js";
import { currentLanguage, translator } from "./i18n.js";
import { followSystemTheme, showTheme } from "./preferences.js";
import { Router } from "./router.js";
import { Session } from "./session.js";
import { Shell } from "./shell.js";
import { failure } from "./states.js";

/** @typedef {import("./router.js").Entry} Entry */
/** @typedef {import("./types.js").Render} Render */

/**
 * Style sheets of single views; all others are in `index.html`.
 * @type {Record<string, string[]>}
 */
const STYLES = {
  video: ["video"],
  themes: ["collections", "manage"],
  people: ["collections", "manage"],
  upload: ["collections", "manage"],
  editor: ["collections", "manage"],
};

/**
 * What comes after a view, as a rule: it is there before somebody goes there, also where the connection is lost meanwhile.
 * @type {Record<string, string>}
 */
const NEXT = { home: "search", search: "video", themes: "video", people: "video" };

const MOMENT = 120; // milliseconds: what is there earlier seems to be there at once
const PAUSE = 500; // milliseconds after which nothing of the view itself is waiting for the connection any more
const IDLE = 3000; // milliseconds after which what may be opened at some time is fetched, too

/** @type {Record<string, () => Promise<{render: Render}>>} */
const VIEWS = {
  home: () => import("./views/home.js"),
  search: () => import("./views/search.js"),
  video: () => import("./views/video.js"),
  themes: () => import("./views/themes.js"),
  people: () => import("./views/people.js"),
  upload: () => import("./views/upload.js"),
  editor: () => import("./views/editor.js"),
  missing: () => import("./views/missing.js"),
};

const session = new Session();
session.load();
const api = new Api(session);

/** @type {Map<string, Promise<void>>} */
const fetched = new Map();

/** @type {WeakRef<HTMLElement> | null} the poster whose link was followed last */
let followed = null;

/** @type {{leave: AbortController, cleanUp: (() => void) | null} | null} */
let shown = null;

const router = new Router((entry) => void show(entry));
const shell = new Shell({
  api,
  session,
  navigate: (to, options) => router.navigate(to, options),
  onLanguage: () => router.refresh(),
});

/** @param {Entry} entry */
async function show(entry) {
  shown?.leave.abort();
  shown?.cleanUp?.();
  const leave = new AbortController();
  const mine = { leave, cleanUp: /** @type {(() => void) | null} */ (null) };
  shown = mine;
  const { view, params } = entry.route;
  const language = currentLanguage();
  const t = translator(language);
  shell.enter(entry.route);
  const root = h("div", { class: `view view-${view}` });
  const focused = document.activeElement;
  /** @type {import("./types.js").Context} */
  const context = {
    api,
    session,
    t,
    language,
    signal: leave.signal,
    memory: entry.memory,
    restored: entry.restored,
    navigate: (to, options) => router.navigate(to, options),
    title: (title) => shell.title(title),
    announce: (message) => shell.announce(message),
    toast: (message, options) => shell.toast(message, options),
  };
  // What is there stays for a moment: a view that is quick comes without a flash of grey before it.
  /** @type {Promise<void> | null} */
  let swapped = null;
  const swap = () => {
    swapped ??= replaceView(root, view);
    return swapped;
  };
  const timer = setTimeout(() => void swap(), shell.main.hasChildNodes() ? MOMENT : 0);
  leave.signal.addEventListener("abort", () => clearTimeout(timer));
  let fetchedView = false;
  try {
    const { render } = await open(view).catch((error) => {
      // A module that does not come leaves no trace but in its message.
      throw navigator.onLine === false ? new ApiError("offline", String(error)) : error;
    });
    fetchedView = true;
    if (leave.signal.aborted) return;
    const cleanUp = (await render(root, params, context)) ?? null;
    if (leave.signal.aborted) {
      cleanUp?.();
      return;
    }
    mine.cleanUp = cleanUp;
  } catch (error) {
    if (leave.signal.aborted || isAbort(error)) return;
    if (!(error instanceof ApiError)) reportError(error);
    // Browsers keep that a module did not come: only a reload asks for it again.
    root.replaceChildren(failure(error, t, () => (fetchedView ? router.navigate(location.pathname + location.search) : location.reload())));
  }
  await swap();
  if (leave.signal.aborted) return;
  window.scrollTo(0, entry.scroll);
  const next = NEXT[view];
  if (next) setTimeout(() => void open(next).catch(() => undefined), PAUSE);
  setTimeout(fetchRest, IDLE);
  // Whoever has begun to type meanwhile goes on typing.
  if (focused !== null && !focused.isConnected && document.activeElement === document.body) refocus(root, focused);
}

/**
 * Whatever had the focus went with the old view: the keyboard goes on at its counterpart, for whoever pages through results,
 * or else at the top of the new view.
 * @param {HTMLElement} root
 * @param {Element} before what had it
 */
function refocus(root, before) {
  const label = before.getAttribute("aria-label");
  const pages = before instanceof HTMLElement && before.dataset.replace !== undefined;
  const links = pages ? [...root.querySelectorAll("a[data-replace]")] : [];
  const same = links.find((link) => link.getAttribute("aria-label") === label);
  (same instanceof HTMLElement ? same : shell.main).focus({ preventScroll: true });
}

/**
 * Fetches a view with what it looks like.
 * @param {string} view
 */
async function open(view) {
  const [module] = await Promise.all([(VIEWS[view] ?? VIEWS.missing)(), ...(STYLES[view] ?? []).map(styles)]);
  return module;
}

/** Fetches ahead what is in the navigation, while there is a connection: what does not come once stays away until a reload. */
function fetchRest() {
  if (navigator.onLine === false) return;
  const views = ["search", "video", "themes", "people", "upload", ...(session.can("edit") ? ["editor"] : [])];
  for (const coming of [...views.map(open), import("./settings.js")]) void coming.catch(() => undefined);
}

/**
 * Fetches a style sheet, once.
 * @param {string} name
 * @returns {Promise<void>}
 */
function styles(name) {
  const known = fetched.get(name);
  if (known) return known;
  /** @type {Promise<void>} */
  const coming = new Promise((resolve, reject) => {
    const link = h("link", { rel: "stylesheet", href: `/styles/${name}.css` });
    link.addEventListener("load", () => resolve());
    link.addEventListener("error", () => {
      link.remove();
      fetched.delete(name);
      reject(new Error(`${link.href} does not come`));
    });
    document.head.append(link);
  });
  fetched.set(name, coming);
  return coming;
}

/**
 * Puts a view into the place of the one before. From a poster to its video, the picture grows into the player, where the
 * browser can do that and nobody asked for less motion.
 * @param {HTMLElement} root
 * @param {string} view
 */
async function replaceView(root, view) {
  const replace = () => {
    shell.main.replaceChildren(root);
    window.scrollTo(0, 0);
  };
  const poster = view === "video" ? followed?.deref() : undefined;
  followed = null;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches || document.visibilityState !== "visible";
  if (!poster?.isConnected || still || typeof document.startViewTransition !== "function") {
    replace();
    return;
  }
  poster.classList.add("is-followed");
  const transition = document.startViewTransition(replace);
  transition.ready.catch(() => undefined); // left out, if another one begins; the view is there all the same
  await transition.updateCallbackDone;
}

document.addEventListener(
  "click",
  (event) => {
    const poster = event.target instanceof Element ? event.target.closest(".poster") : null;
    followed = poster instanceof HTMLElement ? new WeakRef(poster) : null;
  },
  { capture: true },
);

showTheme();
followSystemTheme();
document.body.append(...shell.elements);
const ask = (/** @type {string} */ key) => api.askSession(key);
const check = () => void session.check(ask);
check();
window.addEventListener("online", check);
// A link with a key, opened where the page is already.
window.addEventListener("hashchange", () => {
  const other = session.load();
  if (other === null) check();
  else void session.signIn(other, ask).catch((error) => shell.toast(inWords(error, translator(currentLanguage())), { kind: "error" }));
});
router.start();

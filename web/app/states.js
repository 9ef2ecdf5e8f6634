/**
 * @file What a view shows instead of content: nothing there, something failed, not yet.
 */

import { inWords, ApiError } from "./api.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";

/** @typedef {import("./types.js").Translate} Translate */

/**
 * Says that something failed, and offers to try again.
 * @param {unknown} error
 * @param {Translate} t
 * @param {() => void} [retry]
 */
export function failure(error, t, retry) {
  const offline = error instanceof ApiError && ["offline", "network"].includes(error.code);
  const shown = h(
    "div",
    { class: "empty", role: "alert" },
    h("div", { class: "empty-mark" }, icon(offline ? "offline" : "warning")),
    h("h2", { class: "empty-title" }, t("error.title")),
    h("p", { class: "empty-text" }, inWords(error, t)),
    retry && h("div", { class: "cluster" }, h("button", { type: "button", class: "button", on: { click: retry } }, icon("retry"), t("action.retry"))),
  );
  // Whoever is online again does not have to ask again, if this is still what is shown.
  if (offline && retry) {
    const again = () => shown.isConnected && retry();
    window.addEventListener("online", again, { once: true });
    // The connection may be back already, and say so no more.
    if (error.code === "offline" && navigator.onLine) setTimeout(again);
  }
  return shown;
}

/**
 * Says that there is nothing.
 * @param {{title: string, text?: import("./dom.js").Child, mark?: import("./icons.js").IconName, actions?: Node[]}} about
 */
export function nothing({ title, text, mark = "frame", actions = [] }) {
  return h(
    "div",
    { class: "empty" },
    h("div", { class: "empty-mark" }, icon(mark)),
    h("h2", { class: "empty-title" }, title),
    text ? h("p", { class: "empty-text" }, text) : null,
    actions.length > 0 ? h("div", { class: "cluster" }, actions) : null,
  );
}

/**
 * Poster-shaped places for what is being loaded. Screen readers are told by the view.
 * @param {number} count
 */
export function posterSkeletons(count) {
  return h(
    "div",
    { class: "grid", "aria-hidden": "true" },
    Array.from({ length: count }, () =>
      h("div", { class: "card" }, h("div", { class: "poster skeleton" }), h("div", { class: "skeleton skeleton-line" }), h("div", { class: "skeleton skeleton-line short" })),
    ),
  );
}

/** @file A field that searches a theme, or the videos of a person, and nothing else. */

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { address } from "./router.js";

/**
 * Draws the field.
 * @param {{placeholder: string, label: string, within: {theme?: string, person?: string}}} about
 * @param {import("./types.js").Context} context
 */
export function searchInside({ placeholder, label, within }, { navigate, t }) {
  const field = h("input", { class: "inside-field", type: "search", name: "q", placeholder, "aria-label": label, maxlength: 300, enterkeyhint: "search", autocomplete: "off" });
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    const q = field.value.trim();
    if (q) navigate(address({ q, ...within }));
  };
  return h(
    "form",
    { class: "inside", role: "search", "aria-label": label, on: { submit } },
    icon("search"),
    field,
    h("button", { type: "submit", class: "icon-button", "aria-label": t("action.search") }, icon("forward")),
  );
}

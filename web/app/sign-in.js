/** @file What stands in a view that needs a key, until there is one. */

import { inWords } from "./api.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";

/**
 * Draws a form that asks for a key. When the key is taken, the session says `change`.
 * @param {{title: string, text: string, scope: import("./types.js").Scope}} about
 * @param {import("./types.js").Context} context
 */
export function signInForm({ title, text, scope }, { api, session, t }) {
  const field = h("input", { class: "input", type: "password", name: "key", autocomplete: "off", spellcheck: "false", placeholder: "kadr_…", "aria-label": t("settings.key"), required: true });
  const wrong = h("p", { class: "field-error", role: "alert" });
  const button = h("button", { type: "submit", class: "button primary" }, t("settings.key.enter"));
  // Somebody is signed in, and may do other things.
  if (session.scopes.length > 0) wrong.textContent = t("sign_in.lacks", { scope: t(`scope.${scope}`) });
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    button.disabled = true;
    wrong.textContent = "";
    try {
      await session.signIn(field.value.trim(), (key) => api.askSession(key));
    } catch (error) {
      const { status } = /** @type {{status?: number}} */ (error);
      wrong.textContent = status === 401 ? t("settings.key.wrong") : inWords(error, t);
      field.select();
    }
    button.disabled = false;
  };
  return h(
    "div",
    { class: "empty sign-in" },
    h("div", { class: "empty-mark" }, icon("lock")),
    h("h2", { class: "empty-title" }, title),
    h("p", { class: "empty-text" }, text),
    h("form", { class: "stack-s sign-in-form", on: { submit } }, h("div", { class: "cluster nowrap" }, field, button), wrong),
  );
}

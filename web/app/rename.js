/** @file Asking for a new name. */

import { inWords, isAbort } from "./api.js";
import { h } from "./dom.js";
import { openSheet } from "./sheet.js";

/**
 * Opens a sheet with a field for the name; it closes when the name was taken.
 * @template T
 * @param {{title: string, label: string, name: string, save: (name: string) => Promise<T>}} about
 * @param {import("./types.js").Translate} t
 * @param {(saved: T) => void} done
 */
export function renameSheet({ title, label, name, save }, t, done) {
  const field = h("input", { class: "input", name: "name", value: name, "aria-label": label, maxlength: 200, required: true, autocomplete: "off", autofocus: true });
  const wrong = h("p", { class: "field-error", role: "alert" });
  const button = h("button", { type: "submit", class: "button primary" }, t("action.save"));
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const wanted = field.value.trim();
    if (!wanted) return;
    button.disabled = true;
    wrong.textContent = "";
    try {
      const saved = await save(wanted);
      sheet.close();
      done(saved);
    } catch (error) {
      if (!isAbort(error)) wrong.textContent = inWords(error, t);
    }
    button.disabled = false;
  };
  const sheet = openSheet({
    title,
    closeLabel: t("action.close"),
    className: "sheet-small",
    body: h("form", { class: "stack", on: { submit } }, field, wrong, h("div", { class: "cluster end" }, button)),
  });
  field.select();
}

/** @file A name that is edited in its place: saved with Enter or by leaving the field, taken back with Escape. */

import { inWords, isAbort } from "../api.js";
import { h } from "../dom.js";

/**
 * Draws the field.
 * @param {{name: string, label: string, placeholder?: string, save: (name: string) => Promise<unknown>}} about
 * @param {import("../types.js").Context} context
 */
export function nameField({ name, label, placeholder = "", save }, { t, toast }) {
  let saved = name;
  let saving = false;
  let again = false; // whether a name was to be saved while another one was
  const field = h("input", { class: "input name-field", name: "name", value: name, "aria-label": label, placeholder, maxlength: 200, autocomplete: "off", spellcheck: "false", enterkeyhint: "done" });
  const commit = async () => {
    const wanted = field.value.trim();
    again = saving;
    if (saving || wanted === saved) return;
    if (!wanted) {
      field.value = saved; // a name cannot be taken away, only changed
      return;
    }
    saving = true;
    field.setAttribute("aria-busy", "true");
    try {
      await save(wanted);
      saved = wanted;
      toast(t("name.saved", { name: wanted }));
    } catch (error) {
      if (!isAbort(error)) toast(inWords(error, t), { kind: "error" });
    }
    saving = false;
    field.removeAttribute("aria-busy");
    if (again) void commit();
  };
  field.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "Enter") {
      event.preventDefault();
      void commit();
    } else if (event.key === "Escape") {
      field.value = saved;
    }
  });
  field.addEventListener("blur", () => void commit());
  return field;
}

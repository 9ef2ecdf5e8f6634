/** @file A team's own words: how they are translated when somebody searches. */

import { inWords, isAbort } from "../api.js";
import { fill, h } from "../dom.js";
import { icon } from "../icons.js";
import { failure, nothing } from "../states.js";

/** @typedef {import("../types.js").GlossaryEntry} GlossaryEntry */
/** @typedef {import("../types.js").GlossaryAnswer} GlossaryAnswer */
/** @typedef {import("../types.js").GlossaryChanged} GlossaryChanged */

const FILTERED_FROM = 8; // fewer are seen at a glance

/** @type {import("../views/editor.js").Section} */
export async function editGlossary(body, params, context) {
  const { api, t, signal, toast } = context;
  /** @type {GlossaryEntry[]} */
  let entries = [];
  const list = h("div");
  const filter = h("input", { class: "input", type: "search", placeholder: t("glossary.filter"), "aria-label": t("glossary.filter"), autocomplete: "off" });
  filter.addEventListener("input", () => draw());

  const reload = async () => {
    const answer = /** @type {GlossaryAnswer} */ (await api.request("GET", "/glossary", { keyed: true, signal }));
    entries = answer.entries.sort((a, b) => a.source.localeCompare(b.source, "ru"));
    draw();
  };
  const put = async (/** @type {GlossaryEntry} */ entry) => {
    const changed = /** @type {GlossaryChanged} */ (await api.request("PUT", "/glossary", { keyed: true, json: { entries: [entry] } }));
    await reload();
    return changed;
  };
  const remove = async (/** @type {GlossaryEntry} */ entry) => {
    try {
      await api.request("DELETE", "/glossary", { keyed: true, params: { source: [entry.source] } });
      await reload();
      toast(t("glossary.removed", { word: entry.source }), {
        action: t("action.undo"),
        onAction: () => void put(entry).catch((error) => isAbort(error) || toast(inWords(error, t), { kind: "error" })),
      });
    } catch (error) {
      if (!isAbort(error)) toast(inWords(error, t), { kind: "error" });
    }
  };
  const draw = () => {
    const wanted = filter.value.trim().toLowerCase();
    const shown = entries.filter(({ source, targets }) => [source, ...targets].some((word) => word.toLowerCase().includes(wanted)));
    filter.hidden = entries.length < FILTERED_FROM;
    if (entries.length === 0) {
      fill(list, nothing({ title: t("glossary.none"), text: t("glossary.none.text"), mark: "words" }));
      return;
    }
    fill(
      list,
      h("p", { class: "hint", role: "status" }, t("glossary.count", { n: shown.length })),
      h(
        "ul",
        { class: "glossary" },
        shown.map((entry) =>
          h(
            "li",
            { class: "glossary-entry" },
            h("span", { class: "glossary-source", lang: "ru" }, entry.source),
            icon("forward", "glossary-arrow"),
            h("span", { class: "glossary-targets", lang: entry.targets.length > 0 ? "en" : null }, entry.targets.join(", ") || h("em", null, t("glossary.left_out"))),
            h("button", { type: "button", class: "icon-button", "aria-label": t("glossary.remove", { word: entry.source }), on: { click: () => void remove(entry) } }, icon("delete")),
          ),
        ),
      ),
    );
  };
  fill(
    body,
    h("div", { class: "stack-s" }, h("h2", null, t("glossary.title")), h("p", { class: "lead" }, t("glossary.lead"))),
    addForm({ t, toast }, put),
    filter,
    list,
  );
  try {
    await reload();
  } catch (error) {
    if (!isAbort(error)) fill(list, failure(error, t, () => (fill(body), void editGlossary(body, params, context))));
  }
}

/**
 * @param {Pick<import("../types.js").Context, "t" | "toast">} context
 * @param {(entry: GlossaryEntry) => Promise<GlossaryChanged>} put
 */
function addForm({ t, toast }, put) {
  const source = h("input", { class: "input", name: "source", lang: "ru", placeholder: t("glossary.source.example"), required: true, maxlength: 200, autocomplete: "off" });
  const targets = h("input", { class: "input", name: "targets", lang: "en", placeholder: t("glossary.targets.example"), required: true, maxlength: 2000, autocomplete: "off" });
  const wrong = h("p", { class: "field-error", role: "alert" });
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    wrong.textContent = "";
    const word = source.value.trim();
    const english = targets.value.split(",").map((each) => each.trim()).filter(Boolean);
    if (!word || english.length === 0) return;
    try {
      const { added } = await put({ source: word, targets: english, kind: "term" });
      toast(t(added > 0 ? "glossary.added" : "glossary.changed", { word }));
      source.value = targets.value = "";
      source.focus();
    } catch (error) {
      if (!isAbort(error)) wrong.textContent = inWords(error, t);
    }
  };
  return h(
    "form",
    { class: "glossary-form panel", on: { submit } },
    h("label", { class: "stack-s" }, h("span", { class: "label" }, t("glossary.source")), source),
    h("label", { class: "stack-s" }, h("span", { class: "label" }, t("glossary.targets")), targets),
    h("button", { type: "submit", class: "button primary" }, icon("plus"), t("glossary.add")),
    wrong,
  );
}

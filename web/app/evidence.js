/**
 * @file Why a video was found: marked words, moments to jump to, what the score is made of, who appears.
 */

import { h } from "./dom.js";
import { excerpt, slices } from "./highlight.js";
import { clock, titleOf } from "./i18n.js";
import { icon } from "./icons.js";
import { isSeen, momentOf, parts } from "./reasons.js";
import { address } from "./router.js";
import { openSheet } from "./sheet.js";

/** @typedef {import("./types.js").Translate} Translate */
/** @typedef {import("./types.js").Result} Result */
/** @typedef {import("./types.js").Evidence} Evidence */
/** @typedef {import("./highlight.js").Slice} Slice */

/** @type {Record<string, import("./icons.js").IconName>} */
export const MODALITY_ICONS = { visual: "eye", ocr: "text", speech: "speech", faces: "person", words: "words" };

/**
 * Draws slices of a text, the marked ones as marks.
 * @param {Slice[]} cut
 */
export function marked(cut) {
  return cut.map(({ text, marked: is }) => (is ? h("mark", null, text) : text));
}

/**
 * The best reason in a line or two, for a card; null where there is none.
 * @param {Result} result
 * @param {Translate} t
 */
export function briefReason(result, t) {
  const best = result.evidence.find(({ highlights }) => highlights.length > 0) ?? result.evidence[0];
  const seen = isSeen(result);
  const { visual = 0, ...others } = result.contributions;
  const spoken = Object.values(others).reduce((sum, each) => sum + each, 0);
  if (best && !(seen && visual > spoken && best.highlights.length === 0)) {
    // A match in the translation alone: the original tells nobody why.
    const translated = best.highlights.length === 0 && best.translation_highlights.length > 0;
    const cut = translated ? excerpt(best.translation, best.translation_highlights, 90) : excerpt(best.text, best.highlights, 90);
    return h("p", { class: "reason", dir: "auto" }, h("span", { class: "visually-hidden" }, `${t(`modality.${best.modality}`)}: `), marked(cut));
  }
  if (seen && result.frame) return h("p", { class: "reason is-quiet" }, t("reason.frame"));
  if (result.confidence === null) return null; // like another video as a whole: there is no moment to it
  return h("p", { class: "reason is-quiet" }, t("reason.meaning"));
}

/**
 * A bar of what the score is made of.
 * @param {Result} result
 * @param {Translate} t
 */
export function partsBar(result, t) {
  const made = parts(result.contributions);
  if (made.length === 0) return null;
  const words = made.map(({ part, share }) => `${t(`part.${part}`)} ${percent(share)}`).join(", ");
  return h(
    "span",
    { class: "parts", role: "img", "aria-label": t("parts.label", { parts: words }), title: words },
    made.map(({ part, share }) => h("span", { class: `part part-${part}`, style: { "flex-grow": share } })),
  );
}

/**
 * Everything there is to say about why a video was found.
 * @param {Result} result
 * @param {{t: Translate, jump: (seconds: number) => void, params?: URLSearchParams}} options `jump` plays from a moment; `params`
 *   is the search that the result is of
 */
export function evidencePanel(result, { t, jump, params }) {
  const made = parts(result.contributions);
  const seen = isSeen(result) ? result.frame : null;
  return h(
    "div",
    { class: "evidence stack" },
    (result.evidence.length > 0 || seen) &&
      h(
        "ul",
        { class: "moments" },
        result.evidence.map((each) => h("li", { class: "moment" }, timeButton(each.modality, momentOf(each), t, jump), moment(each, t))),
        seen &&
          h(
            "li",
            { class: "moment" },
            timeButton("visual", seen.time, t, jump),
            h("div", { class: "moment-text" }, h("p", { class: "moment-quiet" }, t("evidence.frame"))),
          ),
      ),
    made.length > 0 &&
      h(
        "section",
        { class: "stack-s" },
        h("h3", { class: "label" }, t("evidence.parts")),
        partsBar(result, t),
        h(
          "ul",
          { class: "legend" },
          made.map(({ part, share }) =>
            h("li", null, h("span", { class: `dot part-${part}` }), t(`part.${part}`), h("span", { class: "legend-value" }, percent(share))),
          ),
        ),
      ),
    h(
      "dl",
      { class: "facts" },
      result.confidence !== null && [h("dt", null, t("evidence.confidence")), h("dd", null, percent(result.confidence))],
      result.confidence !== null && result.matched > 0 && [h("dt", null, t("evidence.matched")), h("dd", null, percent(result.matched))],
      result.confidence === null && [h("dt", null, t("evidence.alike")), h("dd", null, percent(Math.max(0, Math.min(1, result.score))))],
    ),
    about(result, t, params),
  );
}

/**
 * Who appears, the theme, the near duplicates: links.
 * @param {Result} result
 * @param {Translate} t
 * @param {URLSearchParams} [params]
 */
function about(result, t, params) {
  const people = result.people ?? [];
  /** @type {Node[]} */
  const links = people.map(({ person_id, name }) =>
    h("a", { class: "chip", href: address({ person: person_id }) }, icon("person"), name ?? t("person.unnamed")),
  );
  if (result.theme) links.push(h("a", { class: "chip", href: address({ theme: result.theme.theme_id }) }, icon("themes"), result.theme.name));
  links.push(h("a", { class: "chip", href: address({ similar: result.video_id }) }, icon("similar"), t("action.similar")));
  if (result.duplicates > 0 && params) {
    const all = new URLSearchParams(params);
    all.set("collapse", "false");
    links.push(h("a", { class: "chip", href: `/?${all}` }, icon("stack"), t("duplicates", { n: result.duplicates })));
  }
  return h("div", { class: "cluster" }, links);
}

/**
 * Opens a sheet that says why a video was found.
 * @param {Result} result
 * @param {{t: Translate, jump: (seconds: number) => void, params?: URLSearchParams}} options
 */
export function openEvidence(result, { t, jump, params }) {
  const sheet = openSheet({
    title: titleOf(result.key),
    closeLabel: t("action.close"),
    body: h("div", { class: "stack" }, evidencePanel(result, {
      t,
      params,
      jump: (seconds) => {
        sheet.close();
        jump(seconds);
      },
    })),
  });
  // A link leaves the page that the sheet lies over.
  sheet.element.addEventListener("click", (event) => {
    if (event.target instanceof Element && event.target.closest("a")) sheet.close();
  });
}

/**
 * @param {string} modality
 * @param {number} seconds
 * @param {Translate} t
 * @param {(seconds: number) => void} jump
 */
export function timeButton(modality, seconds, t, jump) {
  return h(
    "button",
    {
      type: "button",
      class: `time time-${modality}`,
      "aria-label": t("moment.jump", { time: clock(seconds), modality: t(`modality.${modality}`) }),
      on: { click: () => jump(seconds) },
    },
    icon(MODALITY_ICONS[modality] ?? "clock"),
    clock(seconds),
  );
}

/** @param {Evidence} each @param {Translate} t */
function moment(each, t) {
  return h(
    "div",
    { class: "moment-text" },
    h("p", { dir: "auto" }, h("span", { class: "visually-hidden" }, `${t(`modality.${each.modality}`)}: `), marked(slices(each.text, each.highlights))),
    each.translation && each.translation !== each.text
      ? h("p", { class: "moment-quiet", dir: "auto", lang: "en" }, marked(slices(each.translation, each.translation_highlights)))
      : null,
  );
}

/** @param {number} share 0…1 */
export function percent(share) {
  return `${Math.round(share * 100)}\u00a0%`;
}

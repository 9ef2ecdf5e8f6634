/**
 * @file A result in the grid: its poster, why it was found, the moments to jump to.
 */

import { h } from "./dom.js";
import { briefReason, openEvidence, partsBar, percent, timeButton } from "./evidence.js";
import { titleOf } from "./i18n.js";
import { icon } from "./icons.js";
import { playPreview } from "./player.js";
import { poster } from "./poster.js";
import { moments, startOf } from "./reasons.js";
import { address, narrowing } from "./router.js";

const MOST_MOMENTS = 3;
const MOST_PEOPLE = 2;
const AT_ONCE = 4; // posters that are seen first

/**
 * The address of a result's video, at its best moment, with what it was found by.
 * @param {import("./types.js").Result} result
 * @param {URLSearchParams} params the search that it is a result of
 */
export function resultAddress(result, params) {
  const at = startOf(result);
  const q = params.get("q");
  return address({ video: result.video_id, t: at > 0 ? Number(at.toFixed(1)) : null, q, ...(q ? narrowing(params) : {}) });
}

/**
 * Draws a result.
 * @param {import("./types.js").Result} result
 * @param {{t: import("./types.js").Translate, params: URLSearchParams}} options `params`: the search that it is a result of
 */
export function resultCard(result, { t, params }) {
  const title = titleOf(result.key);
  const at = startOf(result);
  const link = poster(result, {
    t,
    at,
    eager: result.rank <= AT_ONCE,
    href: resultAddress(result, params),
    badges:
      result.duplicates > 0 &&
      h("span", { class: "poster-stack badge", title: t("duplicates", { n: result.duplicates }), "aria-hidden": "true" }, icon("stack"), `+${result.duplicates}`),
  });
  const reason = briefReason(result, t);
  const named = (result.people ?? []).filter(({ name }) => name !== null);
  const jump = (/** @type {number} */ seconds) => {
    playPreview(link, { url: result.video_url, at: seconds });
    link.scrollIntoView({ block: "nearest", behavior: "smooth" });
  };
  return h(
    "article",
    { class: "card result", data: { video: result.video_id } },
    link,
    h(
      "div",
      { class: "card-text" },
      h("h2", { class: ["result-title", reason === null && "is-reason"] }, title),
      reason,
      h(
        "div",
        { class: "result-moments" },
        moments(result)
          .slice(0, MOST_MOMENTS)
          .map(({ modality, time }) => timeButton(modality, time, t, jump)),
      ),
      named.length > 0 &&
        h(
          "p",
          { class: "result-people" },
          named.slice(0, MOST_PEOPLE).map(({ person_id, name }) => h("a", { href: address({ person: person_id }) }, icon("person"), name)),
        ),
      h(
        "div",
        { class: "result-foot" },
        h(
          "button",
          { type: "button", class: "why", "aria-haspopup": "dialog", on: { click: () => openEvidence(result, { t, jump, params }) } },
          result.confidence === null
            ? h("span", { class: "why-sure" }, `${t("evidence.alike")} ${percent(Math.max(0, Math.min(1, result.score)))}`)
            : [partsBar(result, t), h("span", { class: "why-sure", title: t("evidence.confidence") }, percent(result.confidence))],
          h("span", { class: "why-label" }, t("action.why")),
          h("span", { class: "visually-hidden" }, title),
        ),
        h(
          "a",
          { class: "result-similar", href: address({ similar: result.video_id }), "aria-label": `${t("action.similar")}: ${title}`, title: t("similar.title") },
          icon("similar"),
        ),
      ),
    ),
  );
}

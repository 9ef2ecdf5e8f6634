/** @file The stages of a video, as marks with words: what is done, what goes on, what failed and why. */

import { h } from "./dom.js";
import { icon } from "./icons.js";

/** @typedef {import("./types.js").StageAnswer} StageAnswer */
/** @typedef {import("./types.js").StageState} StageState */
/** @typedef {import("./types.js").Video} Video */

/** @type {readonly StageState[]} */
const FINAL = ["done", "empty", "unavailable", "failed", "dead"];

/** @type {Partial<Record<StageState, import("./icons.js").IconName>>} */
const MARKS = { done: "check", failed: "warning", dead: "warning" };

/**
 * Whether a stage ended in a way that somebody should look at.
 * @param {StageAnswer} stage
 */
export function isBroken({ state }) {
  return state === "failed" || state === "dead";
}

/**
 * Whether there is nothing more to come of a video.
 * @param {Video} video
 */
export function isSettled({ stages }) {
  return stages.length > 0 && stages.every(({ state }) => FINAL.includes(state));
}

/**
 * What of a video is shown: two looks that agree in this differ in nothing that anybody sees.
 * @param {Video} video
 */
export function fingerprint({ state, stages }) {
  return [state, ...stages.map((each) => `${each.stage}=${each.state}/${each.attempts}`)].join(" ");
}

/**
 * Draws the stages in a row.
 * @param {Video} video
 * @param {string} label
 * @param {import("./types.js").Translate} t
 */
export function stageRow({ stages }, label, t) {
  return h(
    "ul",
    { class: "stage-row", "aria-label": label },
    stages.map((each) =>
      h(
        "li",
        { class: `stage-mark is-${each.state}`, title: each.reason || t(`stage.state.${each.state}`) },
        h("span", { class: "stage-dot", "aria-hidden": "true" }, MARKS[each.state] && icon(/** @type {"check"} */ (MARKS[each.state]))),
        t(`stage.${each.stage}`),
        h("span", { class: "visually-hidden" }, `: ${t(`stage.state.${each.state}`)}`),
      ),
    ),
  );
}

/**
 * Draws why stages failed, if any did. The reasons are the API's, in English.
 * @param {Video} video
 * @param {import("./types.js").Translate} t
 */
export function brokenStages({ stages }, t) {
  const broken = stages.filter(isBroken);
  if (broken.length === 0) return null;
  // One that stops the first stage stops them all, with the same words.
  const [first] = broken;
  const same = broken.every(({ reason }) => reason === first?.reason);
  const lines = same && first ? [{ names: broken.length === stages.length ? "" : broken.map(({ stage }) => t(`stage.${stage}`)).join(", "), ...first }] : broken.map((each) => ({ names: t(`stage.${each.stage}`), ...each }));
  return h(
    "ul",
    { class: "stage-reasons" },
    lines.map(({ names, reason, attempts }) =>
      h(
        "li",
        null,
        names && h("strong", null, names),
        h("span", { lang: "en", dir: "auto" }, reason || t("stage.state.failed")),
        attempts > 1 && h("span", { class: "hint" }, t("videos.attempts", { n: attempts })),
      ),
    ),
  );
}

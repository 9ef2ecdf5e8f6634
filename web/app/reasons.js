/**
 * @file What of a result matters: where to look, and what its score is made of.
 */

/** @typedef {import("./types.js").Result} Result */
/** @typedef {import("./types.js").Evidence} Evidence */
/** @typedef {"visual" | "ocr" | "speech" | "words"} Part */
/** @typedef {{modality: import("./types.js").Modality, time: number}} Moment */

const PARTS = /** @type {const} */ (["visual", "ocr", "speech", "words"]);
const SAME = 0.75; // seconds: nearer than that, two moments are one to whoever jumps there

/**
 * Whether what is seen is a reason for a result: there is a closest frame in every video that has any.
 * @param {Result} result
 */
export function isSeen(result) {
  if (result.frame === null) return false;
  const share = result.contributions.visual;
  // Results for a video or a picture have no parts.
  return share === undefined ? Object.keys(result.contributions).length === 0 : share > 0;
}

/**
 * The moments of a result, the best first, none twice.
 * @param {Result} result
 * @returns {Moment[]}
 */
export function moments(result) {
  /** @type {Moment[]} */
  const found = [];
  const add = (/** @type {Moment["modality"]} */ modality, /** @type {number} */ time) => {
    if (found.every((other) => Math.abs(other.time - time) >= SAME)) found.push({ modality, time });
  };
  const frame = isSeen(result) ? result.frame : null;
  const said = result.evidence.flatMap((each) => (each.modality === "faces" ? [] : [{ modality: each.modality, time: momentOf(each) }]));
  // The picture comes first where it is what the video was found by.
  const { visual = 0, ocr = 0, speech = 0, words = 0 } = result.contributions;
  if (frame && visual > ocr + speech + words) add("visual", frame.time);
  for (const each of said) add(each.modality, each.time);
  if (frame) add("visual", frame.time);
  return found;
}

/**
 * The second at which a result is played: its best moment.
 * @param {Result} result
 */
export function startOf(result) {
  return moments(result)[0]?.time ?? 0;
}

/**
 * The second at which a piece of evidence begins: where the first of its words is said, if that is known.
 * @param {Evidence} evidence
 */
export function momentOf(evidence) {
  const word = evidence.highlights.find(({ start }) => start !== null);
  return word?.start ?? evidence.start;
}

/**
 * What a score is made of: the parts that speak for the video, with their share of all that does. Sums to 1, or is empty.
 * @param {Record<string, number>} contributions
 * @returns {{part: Part, share: number}[]}
 */
export function parts(contributions) {
  const present = PARTS.flatMap((part) => ((contributions[part] ?? 0) > 0 ? [{ part, share: contributions[part] ?? 0 }] : []));
  const sum = present.reduce((total, { share }) => total + share, 0);
  return sum > 0 ? present.map(({ part, share }) => ({ part, share: share / sum })) : [];
}

/**
 * @file How a query was understood, and the addresses that take a step of it back.
 */

/** @typedef {import("./types.js").QueryStep} QueryStep */
/** @typedef {{step: QueryStep, before: string, after: string, undo: URLSearchParams}} ExplainedStep */

/** Steps that mend what was typed; a translation adds to it. */
export const REPAIRS = /** @type {const} */ (["layout", "case", "transliteration", "splitting", "spelling"]);

/**
 * @typedef {object} Explained
 * @property {ExplainedStep[]} repairs what was mended, in order, with the address that leaves each one out
 * @property {ExplainedStep | null} translation
 * @property {string} searched what was searched for, in the language it was typed in
 * @property {boolean} repaired whether that is something else than what was typed
 * @property {URLSearchParams | null} asTyped the address that searches for exactly what was typed; null where that is the same
 * @property {QueryStep[]} skipped steps that are left out
 * @property {URLSearchParams | null} withAll the address that leaves none out; null where none is
 */

/**
 * Explains a query for people.
 * @param {import("./types.js").Query} query what the API answered
 * @param {URLSearchParams} params the address that was asked
 * @returns {Explained}
 */
export function explain(query, params) {
  const skipped = /** @type {QueryStep[]} */ (params.getAll("skip"));
  const without = (/** @type {readonly string[]} */ steps) => {
    const changed = new URLSearchParams(params);
    changed.delete("offset");
    changed.delete("skip");
    for (const step of new Set([...skipped, ...steps])) changed.append("skip", step);
    return changed;
  };
  const steps = query.steps.map(({ step, before, after }) => ({ step, before, after, undo: without([step]) }));
  // A change of capitals alone is none that anybody has to be told of: search does not tell them apart.
  const repairs = steps.filter(({ step, before, after }) => step !== "translation" && !sameWords(before, after));
  const translation = steps.find(({ step }) => step === "translation") ?? null;
  const cleared = new URLSearchParams(params);
  cleared.delete("skip");
  return {
    repairs,
    translation,
    searched: query.corrected,
    repaired: repairs.length > 0,
    asTyped: repairs.length > 0 ? without(REPAIRS) : null,
    skipped,
    withAll: skipped.length > 0 ? cleared : null,
  };
}

/** @param {string} one @param {string} other */
function sameWords(one, other) {
  const plain = (/** @type {string} */ text) => text.toLowerCase().replace(/ё/g, "е").replace(/\s+/g, " ").trim();
  return plain(one) === plain(other);
}

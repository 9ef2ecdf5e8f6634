/**
 * @file The marked words of a text. The API counts Unicode code points; JavaScript's own offsets count UTF-16 units, of which
 * an emoji has two.
 */

/** @typedef {import("./types.js").Highlight} Highlight */
/** @typedef {{text: string, marked: boolean, start: number | null}} Slice */

/**
 * Cuts a text into what is marked and what is not, in order. Together the slices are the text. Ranges that overlap are
 * joined; what lies outside the text is left out.
 * @param {string} text
 * @param {readonly Highlight[]} highlights
 * @returns {Slice[]}
 */
export function slices(text, highlights) {
  return cut(Array.from(text), highlights, 0, Infinity);
}

/**
 * Does the same with a part of the text that is at most `longest` code points long and has the first marked words in
 * it. `…` stands where something was left out.
 * @param {string} text
 * @param {readonly Highlight[]} highlights
 * @param {number} longest
 * @returns {Slice[]}
 */
export function excerpt(text, highlights, longest) {
  const points = Array.from(text);
  if (points.length <= longest) return cut(points, highlights, 0, points.length);
  const first = highlights.length > 0 ? Math.min(...highlights.map(({ offset }) => offset)) : 0;
  // A third of it before the first marked word, from the beginning of a word on.
  let from = Math.max(0, Math.min(first - Math.floor(longest / 3), points.length - longest));
  if (from > 0) {
    const space = points.indexOf(" ", from);
    if (space >= 0 && space < first) from = space + 1;
  }
  let to = Math.min(points.length, from + longest);
  if (to < points.length) {
    const space = points.lastIndexOf(" ", to);
    if (space > from + longest / 2) to = space;
  }
  const inside = cut(points, highlights, from, to);
  /** @type {(text: string) => Slice} */
  const gap = (mark) => ({ text: mark, marked: false, start: null });
  return [...(from > 0 ? [gap("…")] : []), ...inside, ...(to < points.length ? [gap("…")] : [])];
}

/**
 * @param {string[]} points
 * @param {readonly Highlight[]} highlights
 * @param {number} from
 * @param {number} to
 */
function cut(points, highlights, from, to) {
  const end = Math.min(points.length, to);
  /** @type {Slice[]} */
  const found = [];
  let here = from;
  for (const { offset, length, start } of [...highlights].sort((one, other) => one.offset - other.offset)) {
    const begin = Math.max(offset, here);
    const stop = Math.min(offset + length, end);
    if (stop <= begin) continue;
    if (begin > here) found.push({ text: points.slice(here, begin).join(""), marked: false, start: null });
    found.push({ text: points.slice(begin, stop).join(""), marked: true, start });
    here = stop;
  }
  if (here < end) found.push({ text: points.slice(here, end).join(""), marked: false, start: null });
  return found;
}

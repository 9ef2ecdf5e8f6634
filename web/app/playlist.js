/**
 * @file The results somebody came from, so that the player can go on to the next one without going back.
 */

/** @typedef {{video: string, href: string}} Entry */

/** @type {readonly Entry[]} */
let entries = [];

/**
 * Keeps the results that are shown.
 * @param {readonly Entry[]} shown in their order
 */
export function setPlaylist(shown) {
  entries = shown;
}

/**
 * What comes before and after a video; null where it was not come to from results.
 * @param {string} video
 * @returns {{previous: string | null, next: string | null, place: number, of: number} | null} addresses; `place` begins at 1
 */
export function neighbours(video) {
  const here = entries.findIndex((entry) => entry.video === video);
  if (here < 0 || entries.length < 2) return null;
  return { previous: entries[here - 1]?.href ?? null, next: entries[here + 1]?.href ?? null, place: here + 1, of: entries.length };
}

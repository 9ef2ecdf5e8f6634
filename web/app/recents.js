/**
 * @file The last queries of this tab; of this browser, for whoever lets their queries be remembered.
 */

import { historyUser } from "./preferences.js";

const STORED = "kadr.recent";
const MOST = 6;

/** @returns {string[]} the newest first */
export function recents() {
  try {
    const stored = JSON.parse(storage().getItem(STORED) ?? "[]");
    return Array.isArray(stored) ? stored.filter((each) => typeof each === "string").slice(0, MOST) : [];
  } catch {
    return []; // switched off, or not ours
  }
}

/** @param {string} query */
export function addRecent(query) {
  setRecents(withRecent(recents(), query));
}

/** @param {string[]} queries the newest first; none forgets them */
export function setRecents(queries) {
  try {
    if (queries.length > 0) storage().setItem(STORED, JSON.stringify(queries));
    else {
      localStorage.removeItem(STORED);
      sessionStorage.removeItem(STORED);
    }
  } catch {
    // Storage is switched off: nothing is remembered.
  }
}

/**
 * Puts a query first, once.
 * @param {readonly string[]} queries
 * @param {string} query
 */
export function withRecent(queries, query) {
  return [query, ...queries.filter((each) => each.toLowerCase() !== query.toLowerCase())].slice(0, MOST);
}

function storage() {
  return historyUser() === null ? sessionStorage : localStorage;
}

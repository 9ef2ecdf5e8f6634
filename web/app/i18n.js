/**
 * @file The language of the page. Messages are kept by key and language; a view adds its own with {@link addMessages}.
 *
 * `{name}` in a message is replaced by a value. A message that depends on a number is several, `key.one`, `key.few`,
 * `key.many`, `key.other`, chosen by the value called `n`.
 */

import { core } from "./messages/core.js";
import { search } from "./messages/search.js";

/** @typedef {import("./types.js").Language} Language */
/** @typedef {Record<Language, Record<string, string>>} Messages */

/** @type {Messages} */
const messages = { ru: {}, en: {} };
const plurals = { ru: new Intl.PluralRules("ru"), en: new Intl.PluralRules("en") };

addMessages(core);
addMessages(search);

/**
 * Adds messages; a key that is there already is replaced.
 * @param {Messages} added
 */
export function addMessages(added) {
  Object.assign(messages.ru, added.ru);
  Object.assign(messages.en, added.en);
}

/**
 * Returns what translates into a language. A key without a message comes back as it is.
 * @param {Language} language
 * @returns {import("./types.js").Translate}
 */
export function translator(language) {
  const table = messages[language];
  return (key, values = {}) => {
    const form = typeof values.n === "number" ? `${key}.${plurals[language].select(values.n)}` : key;
    const message = table[form] ?? table[`${key}.other`] ?? table[key] ?? key;
    return message.replace(/\{(\w+)\}/g, (gap, name) => {
      const value = values[name];
      return value === undefined ? gap : typeof value === "number" ? value.toLocaleString(language) : value;
    });
  };
}

/** @returns {Language} what the page is in */
export function currentLanguage() {
  return document.documentElement.lang === "ru" ? "ru" : "en";
}

/**
 * Writes a time of a video: `0:07`, `12:05`, `1:02:03`.
 * @param {number} seconds
 */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (/** @type {number} */ value) => String(value).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/**
 * Writes what a video is called: its key without folders and the ending, since a video has no other title.
 * @param {string} key
 */
export function titleOf(key) {
  const name = key.slice(key.lastIndexOf("/") + 1).replace(/\.[a-z0-9]{2,5}$/i, "");
  return name.replace(/[_\s]+/g, " ").trim() || key;
}

/**
 * Writes a number of bytes.
 * @param {number} bytes
 * @param {Language} language
 */
export function byteSize(bytes, language) {
  const units = language === "ru" ? ["Б", "КБ", "МБ", "ГБ"] : ["B", "KB", "MB", "GB"];
  let [value, unit] = [bytes, 0];
  while (value >= 1000 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${value.toLocaleString(language, { maximumFractionDigits: value < 10 && unit > 0 ? 1 : 0 })} ${units[unit]}`;
}

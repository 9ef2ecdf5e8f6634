/**
 * @file What somebody chose in this browser: appearance, language, whether their queries may be remembered.
 */

/** @typedef {import("./types.js").Language} Language */
/** @typedef {"system" | "light" | "dark"} ThemeChoice */

const system = typeof matchMedia === "function" ? matchMedia("(prefers-color-scheme: light)") : null;

/** @returns {ThemeChoice} */
export function themeChoice() {
  const stored = read("theme");
  return stored === "light" || stored === "dark" ? stored : "system";
}

/** @param {ThemeChoice} choice */
export function chooseTheme(choice) {
  write("theme", choice === "system" ? null : choice);
  showTheme();
}

/** Shows the theme that was chosen, or the system's. */
export function showTheme() {
  const choice = themeChoice();
  const theme = choice === "system" ? (system?.matches ? "light" : "dark") : choice;
  document.documentElement.dataset.theme = theme;
  const colour = getComputedStyle(document.documentElement).getPropertyValue("--bg").trim();
  document.querySelector('meta[name="theme-color"]')?.setAttribute("content", colour);
}

/** Shows the system's theme as it changes, where none was chosen. */
export function followSystemTheme() {
  system?.addEventListener("change", showTheme);
}

/** @param {Language} language */
export function chooseLanguage(language) {
  write("language", language);
  document.documentElement.lang = language;
}

/**
 * The opaque id under which queries are remembered; null, unless somebody asked for it.
 * @returns {string | null}
 */
export function historyUser() {
  return read("user");
}

/** @param {boolean} wanted */
export function rememberHistory(wanted) {
  if (!wanted) write("user", null);
  else if (historyUser() === null) write("user", randomId());
}

/** 128 random bits. Not `crypto.randomUUID`, which is there under HTTPS and on this machine only. */
function randomId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {string} name */
function read(name) {
  try {
    return localStorage.getItem(`kadr.${name}`);
  } catch {
    return null; // storage is switched off
  }
}

/** @param {string} name @param {string | null} value */
function write(name, value) {
  try {
    if (value === null) localStorage.removeItem(`kadr.${name}`);
    else localStorage.setItem(`kadr.${name}`, value);
  } catch {
    // Storage is switched off: the choice lasts until the page is reloaded.
  }
}

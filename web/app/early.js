// Before anything is drawn: the theme and the language somebody chose, so that nothing flashes. A classic script, because
// modules run after the first paint.
(function early() {
  /** @type {string | null} */ let theme = null;
  /** @type {string | null} */ let language = null;
  try {
    theme = localStorage.getItem("kadr.theme");
    language = localStorage.getItem("kadr.language");
  } catch {
    // Storage is switched off: what the system prefers, then.
  }
  const root = document.documentElement;
  const light = matchMedia("(prefers-color-scheme: light)").matches;
  root.dataset.theme = theme === "dark" || theme === "light" ? theme : light ? "light" : "dark";
  root.lang = language === "ru" || language === "en" ? language : /^(ru|be|uk|kk)\b/i.test(navigator.language) ? "ru" : "en";
})();

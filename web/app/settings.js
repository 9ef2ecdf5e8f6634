/**
 * @file The settings: a sheet with appearance, language, remembered queries, and the key of an editor.
 */

import { inWords } from "./api.js";
import { fill, h } from "./dom.js";
import { currentLanguage, translator } from "./i18n.js";
import { chooseLanguage, chooseTheme, historyUser, rememberHistory, themeChoice } from "./preferences.js";
import { setRecents } from "./recents.js";
import { openSheet } from "./sheet.js";

/** @typedef {import("./types.js").Translate} Translate */

/**
 * @param {object} options
 * @param {import("./api.js").Api} options.api
 * @param {import("./session.js").Session} options.session
 * @param {(message: string, options?: import("./types.js").ToastOptions) => void} options.toast
 * @param {() => void} options.onLanguage
 */
export function openSettings({ api, session, toast, onLanguage }) {
  const body = h("div", { class: "stack settings" });
  const sheet = openSheet({ title: "", body });

  draw();

  /** @param {HTMLElement} [told] what came of erasing: a message of the page would be behind the sheet */
  function draw(told) {
    const t = translator(currentLanguage());
    sheet.rename(t("settings.title"), t("action.close"));
    fill(
      body,
      choice(t("settings.theme"), "theme", themeChoice(), {
        system: t("settings.theme.system"),
        light: t("settings.theme.light"),
        dark: t("settings.theme.dark"),
      }, (picked) => chooseTheme(/** @type {import("./preferences.js").ThemeChoice} */ (picked))),
      choice(t("settings.language"), "language", currentLanguage(), { ru: "Русский", en: "English" }, (picked) => {
        chooseLanguage(picked === "ru" ? "ru" : "en");
        onLanguage();
        draw();
        body.querySelector(/** @type {"input"} */ (`input[value="${currentLanguage()}"]`))?.focus();
      }),
      personal(t, told),
      key(t),
    );
  }

  /** @param {Translate} t @param {HTMLElement} [told] */
  function personal(t, told) {
    return h(
      "section",
      { class: "stack-s" },
      h(
        "label",
        { class: "switch" },
        h("span", null, t("settings.personal")),
        h("input", {
          type: "checkbox",
          role: "switch",
          checked: historyUser() !== null,
          on: {
            change: async (event) => {
              if (/** @type {HTMLInputElement} */ (event.target).checked) {
                rememberHistory(true);
                draw();
              } else {
                await erase(t);
              }
              body.querySelector(/** @type {"input"} */ ('input[role="switch"]'))?.focus();
            },
          },
        }),
      ),
      h("p", { class: "hint" }, t("settings.personal.about")),
      historyUser() !== null && h("button", { type: "button", class: "button", on: { click: () => void erase(t) } }, t("settings.erase")),
      told,
    );
  }

  /**
   * Without an id nobody could ask for it any more: what is remembered goes with it.
   * @param {Translate} t
   */
  async function erase(t) {
    const user = historyUser();
    const told = h("p", { class: "hint", role: "status" });
    try {
      if (user !== null) told.textContent = t("settings.erased", { n: (await api.eraseHistory(user)).erased });
      setRecents([]);
      rememberHistory(false);
    } catch (error) {
      told.className = "field-error";
      told.setAttribute("role", "alert");
      told.textContent = inWords(error, t);
    }
    draw(told);
    // Whoever has closed the sheet meanwhile is told all the same.
    if (!sheet.element.isConnected && told.textContent) toast(told.textContent, { kind: told.getAttribute("role") === "alert" ? "error" : "info" });
  }

  /** @param {Translate} t */
  function key(t) {
    const field = h("input", {
      class: "input",
      type: "password",
      name: "key",
      autocomplete: "off",
      spellcheck: "false",
      placeholder: "kadr_…",
      "aria-label": t("settings.key"),
      required: true,
    });
    const wrong = h("p", { class: "field-error", role: "alert" });
    return h(
      "section",
      { class: "stack-s" },
      h("h3", { class: "label" }, t("settings.key")),
      session.scopes.length > 0
        ? h(
            "div",
            { class: "cluster spread" },
            h("span", null, t("settings.key.in", { scopes: session.scopes.map((scope) => t(`scope.${scope}`)).join(", ") })),
            h("button", { type: "button", class: "button", on: { click: () => (session.signOut(), draw()) } }, t("settings.key.leave")),
          )
        : h(
            "form",
            {
              class: "cluster nowrap",
              on: {
                submit: async (event) => {
                  event.preventDefault();
                  try {
                    await session.signIn(field.value.trim(), (given) => api.askSession(given));
                    draw();
                  } catch (error) {
                    const status = /** @type {{status?: number}} */ (error).status;
                    wrong.textContent = status === 401 ? t("settings.key.wrong") : inWords(error, t);
                  }
                },
              },
            },
            field,
            h("button", { type: "submit", class: "button" }, t("settings.key.enter")),
          ),
      wrong,
      h("p", { class: "hint" }, t("settings.key.about")),
    );
  }
}

/**
 * @param {string} label
 * @param {string} name
 * @param {string} current
 * @param {Record<string, string>} options
 * @param {(value: string) => void} onPick
 */
function choice(label, name, current, options, onPick) {
  return h(
    "fieldset",
    { class: "stack-s plain" },
    h("legend", { class: "label" }, label),
    h(
      "div",
      { class: "segmented" },
      Object.entries(options).map(([value, text]) =>
        h(
          "label",
          { class: "segment" },
          h("input", { type: "radio", name: `setting-${name}`, value, checked: value === current, on: { change: () => onPick(value) } }),
          h("span", null, text),
        ),
      ),
    ),
  );
}

/**
 * @file What is around every view: the bar with the search box, the sections, messages, settings.
 */

import { append, fill, h } from "./dom.js";
import { currentLanguage, translator } from "./i18n.js";
import { icon } from "./icons.js";
import { address } from "./router.js";
import { SearchBox } from "./searchbox.js";

/** @typedef {import("./router.js").Route} Route */
/** @typedef {import("./icons.js").IconName} IconName */

const TOAST = 6000; // milliseconds; long enough to read two lines and to reach the button

/** @type {{view: string, name: string, icon: IconName, to: string, scope?: import("./types.js").Scope}[]} */
const SECTIONS = [
  { view: "home", name: "nav.home", icon: "search", to: "/" },
  { view: "themes", name: "nav.themes", icon: "themes", to: address({ view: "themes" }) },
  { view: "people", name: "nav.people", icon: "people", to: address({ view: "people" }) },
  { view: "upload", name: "nav.upload", icon: "upload", to: address({ view: "upload" }) },
  { view: "editor", name: "nav.editor", icon: "edit", to: address({ view: "editor" }), scope: "edit" },
];

/**
 * @typedef {object} ShellOptions
 * @property {import("./api.js").Api} api
 * @property {import("./session.js").Session} session
 * @property {(to: string, options?: {replace?: boolean}) => void} navigate
 * @property {() => void} onLanguage the language was changed: show the view again
 */

/** The frame of the page. */
export class Shell {
  #top = h("header", { class: "top" });
  #bar = h("nav", { class: "sections" });
  #status = h("div", { class: "visually-hidden", role: "status" });
  #toasts = h("div", { class: "toasts" });
  #banner = h("div", { class: "banner", role: "status", hidden: true });
  #hero = h("div", { class: "hero" });
  #brand = h("a", { class: "brand", href: "/" });
  #tools = h("div", { class: "tools" });
  #skip = h("a", { class: "skip", href: "#main" });
  // The same elements in every language and session: whatever has the focus keeps it.
  #sections = SECTIONS.map(({ view, name, icon: drawn, to, scope }) => {
    const text = h("span");
    return { name, scope, text, link: h("a", { class: "section", href: to, data: { view } }, icon(drawn), text) };
  });
  #settings = h("button", { type: "button", class: "icon-button", "aria-haspopup": "dialog", on: { click: () => void this.#openSettings() } }, icon("settings"));
  /** @type {Route} */
  #route = { view: "home", params: new URLSearchParams() };
  main = h("main", { id: "main", tabindex: "-1" });

  /** @param {ShellOptions} options */
  constructor(options) {
    this.options = options;
    this.search = new SearchBox({ api: options.api, navigate: options.navigate, toast: (text, about) => this.toast(text, about) });
    this.#skip.addEventListener("click", (event) => {
      event.preventDefault();
      this.main.focus();
    });
    append(this.#bar, this.#sections.map(({ link }) => link));
    append(this.#tools, [this.#settings]);
    append(this.#top, [this.#brand, this.#hero, this.search.element, this.#bar, this.#tools]);
    options.session.addEventListener("change", () => this.#draw());
    window.addEventListener("offline", () => this.#connection());
    window.addEventListener("online", () => this.#connection());
    this.#draw();
    this.#connection();
  }

  /** What belongs into the body, in this order. */
  get elements() {
    return [this.#skip, this.#top, this.#banner, this.main, this.#toasts, this.#status];
  }

  /** @param {Route} route what is going to be shown */
  enter(route) {
    this.#route = route;
    document.body.dataset.view = route.view;
    this.search.enter(route);
    this.#mark();
  }

  /** @param {string} title */
  title(title) {
    document.title = title ? `${title} · Kadr` : "Kadr";
    this.announce(title);
  }

  /** @param {string} message */
  announce(message) {
    this.#status.textContent = message;
  }

  /** @param {string} message @param {import("./types.js").ToastOptions} [options] */
  toast(message, { action, onAction, kind = "info" } = {}) {
    const toast = h(
      "div",
      { class: ["toast", kind === "error" && "toast-error"], role: kind === "error" ? "alert" : "status" },
      h("span", null, message),
    );
    let timer = 0;
    const close = () => {
      clearTimeout(timer);
      toast.remove();
    };
    toast.append(
      action
        ? h("button", { type: "button", class: "toast-action", on: { click: () => (close(), onAction?.()) } }, action)
        : h("button", { type: "button", class: "toast-close", "aria-label": this.#t("action.close"), on: { click: close } }, icon("close")),
    );
    const count = () => {
      clearTimeout(timer);
      timer = window.setTimeout(close, TOAST);
    };
    // Nobody is hurried who is just reading or aiming.
    for (const event of ["pointerenter", "focusin"]) toast.addEventListener(event, () => clearTimeout(timer));
    for (const event of ["pointerleave", "focusout"]) toast.addEventListener(event, count);
    this.#toasts.replaceChildren(toast);
    count();
  }

  /** @param {string} key */
  #t(key) {
    return translator(currentLanguage())(key);
  }

  #draw() {
    const t = translator(currentLanguage());
    const { session } = this.options;
    this.#skip.textContent = t("nav.skip");
    this.#bar.setAttribute("aria-label", t("nav.label"));
    for (const { name, scope, text, link } of this.#sections) {
      text.textContent = t(name);
      link.hidden = scope !== undefined && !session.can(scope);
    }
    this.search.draw(t);
    fill(this.#hero, h("h1", null, t("home.title")), h("p", null, t("home.lead")));
    this.#brand.setAttribute("aria-label", t("nav.home.link"));
    fill(this.#brand, icon("brand", "brand-mark"), h("span", { class: "brand-name", "aria-hidden": "true" }, "Kadr"));
    this.#settings.setAttribute("aria-label", t("settings.title"));
    this.#mark();
    this.#connection();
  }

  async #openSettings() {
    const module = await import("./settings.js").catch(() => null);
    if (module === null) {
      // Browsers keep that a module did not come: only a reload asks for it again.
      this.toast(this.#t("error.network"), { kind: "error", action: this.#t("action.retry"), onAction: () => location.reload() });
      return;
    }
    module.openSettings({
      api: this.options.api,
      session: this.options.session,
      toast: (message, options) => this.toast(message, options),
      onLanguage: () => {
        this.#draw();
        this.options.onLanguage();
      },
    });
  }

  #mark() {
    const { view, params } = this.#route;
    const section = view === "search" ? "home" : view;
    for (const link of this.#bar.querySelectorAll("a")) {
      const current = link.dataset.view === section;
      if (current) link.setAttribute("aria-current", params.size > 1 || view === "search" ? "true" : "page");
      else link.removeAttribute("aria-current");
    }
  }

  #connection() {
    const offline = navigator.onLine === false;
    if (offline) fill(this.#banner, icon("offline"), h("span", null, this.#t("state.offline")));
    else if (!this.#banner.hidden) this.toast(this.#t("state.online"));
    this.#banner.hidden = !offline;
  }
}

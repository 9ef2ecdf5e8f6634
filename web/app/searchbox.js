/**
 * @file The search box: a field that completes what is typed, listens, and takes pictures.
 */

import { ApiError, inWords, isAbort } from "./api.js";
import { fill, h } from "./dom.js";
import { currentLanguage, translator } from "./i18n.js";
import { icon } from "./icons.js";
import { ACCEPTED, keepPicture } from "./pictures.js";
import { historyUser } from "./preferences.js";
import { addRecent, recents, setRecents } from "./recents.js";
import { address } from "./router.js";
import { completion, Suggestions } from "./suggestions.js";
import { canListen, listen } from "./voice.js";

/** @typedef {import("./types.js").Translate} Translate */
/** @typedef {import("./suggestions.js").Offer} Offer */

/** @type {Record<Offer["source"], import("./icons.js").IconName>} */
const SOURCES = { recent: "clock", query: "trend", theme: "themes", person: "person", caption: "text", term: "search" };
const PROBLEMS = ["none", "insecure", "denied", "absent", "taken", "silence", "unavailable", "failed"];

/** The search box. It stays the same element in every view. */
export class SearchBox {
  /** @type {Translate} */
  #t = (key) => key;
  /** What somebody typed, while an offer stands in the field. */
  #typed = "";
  /** @type {Offer[]} */
  #offers = [];
  #active = -1;
  #home = true;
  /** @type {import("./voice.js").Listening | null} */
  #listening = null;

  #field = h("input", {
    class: "search-field",
    type: "search",
    name: "q",
    id: "search-field",
    role: "combobox",
    maxlength: "300",
    enterkeyhint: "search",
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: "false",
    "aria-autocomplete": "list",
    "aria-expanded": "false",
    "aria-controls": "search-offers",
  });
  #clear = h("button", { type: "button", class: "icon-button search-clear", hidden: true }, icon("close"));
  #file = h("input", { type: "file", accept: ACCEPTED, hidden: true, tabindex: "-1" });
  #picture = h("button", { type: "button", class: "icon-button" }, icon("picture"));
  #mic = h("button", { type: "button", class: "icon-button mic" }, icon("mic"), h("span", { class: "mic-level", "aria-hidden": "true" }));
  #form = h("form", { class: "search-form", role: "search" }, icon("search", "search-icon"), this.#field, this.#clear, this.#file, this.#picture, this.#mic);
  #list = h("ul", { class: "offers-list", role: "listbox", id: "search-offers" });
  #forget = h("button", { type: "button", class: "offers-forget" });
  #panel = h("div", { class: "offers", hidden: true }, this.#list, this.#forget);
  #status = h("span", { class: "visually-hidden", role: "status" });
  #drop = h("div", { class: "drop", hidden: true }, h("div", { class: "drop-inner" }, icon("picture"), h("p", null)));
  element = h("div", { class: "searchbox" }, this.#form, this.#panel, this.#status, this.#drop);

  /**
   * @param {object} options
   * @param {import("./api.js").Api} options.api
   * @param {(to: string) => void} options.navigate
   * @param {(message: string, options?: import("./types.js").ToastOptions) => void} options.toast
   */
  constructor(options) {
    this.options = options;
    this.suggestions = new Suggestions(
      (q, signal) => options.api.suggest({ q, k: 8, user: historyUser() }, { signal, timeout: 5000 }).then(({ suggestions }) => suggestions),
      (offers) => this.#show(offers),
    );
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#go(this.#field.value);
    });
    this.#field.addEventListener("input", () => {
      this.#typed = this.#field.value;
      this.#clear.hidden = this.#typed === "";
      this.suggestions.ask(this.#typed, recents());
    });
    this.#field.addEventListener("focus", () => this.suggestions.ask(this.#field.value, recents()));
    this.#field.addEventListener("click", () => this.suggestions.ask(this.#field.value, recents()));
    this.#field.addEventListener("keydown", (event) => this.#key(event));
    this.element.addEventListener("focusout", (event) => {
      if (!(event.relatedTarget instanceof Node && this.element.contains(event.relatedTarget))) this.#close();
    });
    // The field keeps the focus, and with it the phone's keyboard stays.
    this.#panel.addEventListener("pointerdown", (event) => event.preventDefault());
    this.#clear.addEventListener("click", () => {
      this.#set("");
      this.#field.focus();
      this.suggestions.ask("", recents());
    });
    this.#forget.addEventListener("click", () => this.#forgetRecents());
    this.#picture.addEventListener("click", () => this.#file.click());
    this.#file.addEventListener("change", () => {
      const file = this.#file.files?.[0];
      this.#file.value = "";
      if (file) void this.#byPicture(file);
    });
    this.#mic.addEventListener("click", () => (this.#listening ? this.#listening.stop() : this.#listen()));
    this.#mic.hidden = !canListen();
    this.#takePictures();
    document.addEventListener("keydown", (event) => {
      const typing = event.target instanceof Element && event.target.closest("input, textarea, select, [contenteditable], dialog");
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || typing) return;
      event.preventDefault();
      this.#field.focus();
      this.#field.select();
    });
  }

  /** @param {Translate} t */
  draw(t) {
    this.#t = t;
    this.#field.setAttribute("aria-label", t("search.label"));
    this.#field.placeholder = t(this.#home ? "search.placeholder" : "search.placeholder.short");
    this.#list.setAttribute("aria-label", t("search.suggestions"));
    this.#forget.textContent = t("search.recent.forget");
    for (const [button, key] of /** @type {const} */ ([[this.#clear, "search.clear"], [this.#picture, "picture.search"], [this.#mic, "voice.start"]])) {
      button.setAttribute("aria-label", t(key));
      button.title = t(key);
    }
    const [text] = this.#drop.getElementsByTagName("p");
    if (text) text.textContent = t("picture.drop");
  }

  /** @param {import("./router.js").Route} route */
  enter({ view, params }) {
    this.#home = view === "home";
    this.#listening?.cancel();
    this.#silent();
    this.#set(params.get("q") ?? "");
    this.#close();
  }

  /** @param {string} text */
  #set(text) {
    this.#field.value = text;
    this.#typed = text;
    this.#clear.hidden = text === "";
  }

  /** @param {string} text */
  #go(text) {
    const q = text.trim();
    if (!q) {
      this.#field.focus();
      return;
    }
    this.#close();
    this.#field.blur(); // takes the phone's keyboard away from the results
    addRecent(q);
    const here = new URLSearchParams(location.search);
    // A search inside a theme, of a person or in one modality goes on there; steps that were taken back belong to the old words.
    const stays = here.has("video") ? {} : { modality: here.get("modality"), theme: here.getAll("theme"), person: here.getAll("person") };
    this.options.navigate(address({ q, ...stays }));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const open = !this.#panel.hidden;
    if (event.isComposing) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!open) {
        this.suggestions.ask(this.#typed, recents());
        return;
      }
      const step = event.key === "ArrowDown" ? 1 : -1;
      // Beyond both ends lies what was typed.
      const places = this.#offers.length + 1;
      this.#activate(((this.#active + 1 + step + places) % places) - 1);
    } else if (event.key === "Escape" && (open || this.#listening)) {
      event.preventDefault();
      this.#listening?.cancel();
      this.#silent();
      this.#field.value = this.#typed;
      this.#close();
    } else if (event.key === "Tab" && (event.shiftKey || this.#panel.hidden || this.#forget.hidden)) {
      this.#close(); // else the next one is the button in it, and it closes with the focus
    }
  }

  /** @param {number} index -1: what was typed */
  #activate(index) {
    // An answer that comes now would take the offers away from under the arrow keys.
    this.suggestions.cancel();
    this.#active = index;
    for (const [place, option] of [...this.#list.children].entries()) {
      option.setAttribute("aria-selected", String(place === index));
      if (place === index) option.scrollIntoView({ block: "nearest" });
    }
    if (index < 0) this.#field.removeAttribute("aria-activedescendant");
    else this.#field.setAttribute("aria-activedescendant", `search-offer-${index}`);
    this.#field.value = this.#offers[index]?.text ?? this.#typed;
  }

  /** @param {Offer[]} offers */
  #show(offers) {
    if (document.activeElement !== this.#field || this.#listening) return;
    this.#offers = offers;
    this.#active = -1;
    this.#field.removeAttribute("aria-activedescendant");
    const t = this.#t;
    fill(
      this.#list,
      offers.map(({ text, source }, place) =>
        h(
          "li",
          {
            class: "offer",
            role: "option",
            id: `search-offer-${place}`,
            "aria-selected": "false",
            on: { click: () => this.#go(text), pointermove: (event) => event.pointerType === "mouse" && this.#mark(place) },
          },
          icon(SOURCES[source] ?? "search"),
          h(
            "span",
            { class: "offer-text", dir: "auto" },
            // With nothing typed, there is nothing that it completes.
            this.#typed.trim() ? completion(text, this.#typed).map(({ text: piece, typed }) => (typed ? piece : h("b", null, piece))) : text,
          ),
          h("span", { class: "visually-hidden" }, `, ${t(`search.source.${source}`)}`),
        ),
      ),
    );
    this.#forget.hidden = !offers.some(({ source }) => source === "recent");
    this.#panel.hidden = offers.length === 0;
    this.#field.setAttribute("aria-expanded", String(offers.length > 0));
    this.#status.textContent = offers.length > 0 ? t("search.suggested", { n: offers.length }) : "";
  }

  /** @param {number} place under the pointer */
  #mark(place) {
    for (const [index, option] of [...this.#list.children].entries()) option.classList.toggle("is-near", index === place);
  }

  #close() {
    this.suggestions.cancel();
    this.#panel.hidden = true;
    this.#active = -1;
    this.#field.setAttribute("aria-expanded", "false");
    this.#field.removeAttribute("aria-activedescendant");
    this.#status.textContent = "";
  }

  #forgetRecents() {
    const t = this.#t;
    const before = recents();
    setRecents([]);
    this.#field.focus(); // the button goes with what it forgets
    this.suggestions.ask(this.#typed, []);
    this.options.toast(t("search.recent.forgotten"), { action: t("action.undo"), onAction: () => setRecents(before) });
  }

  #listen() {
    const t = this.#t;
    const before = this.#typed;
    this.#close();
    this.element.classList.add("is-listening");
    this.#mic.setAttribute("aria-label", t("voice.stop"));
    this.#set("");
    this.#field.placeholder = t("voice.listening");
    this.#status.textContent = t("voice.listening");
    this.#listening = listen(
      {
        onLevel: (level) => this.#mic.style.setProperty("--level", level.toFixed(3)),
        onWords: (words) => this.#set(words),
        onThinking: () => {
          this.element.classList.add("is-thinking");
          this.#field.placeholder = t("voice.thinking");
          this.#status.textContent = t("voice.thinking");
        },
        onText: (text) => {
          this.#silent();
          this.#set(text);
          this.#go(text);
        },
        onProblem: (problem) => {
          this.#silent();
          this.#set(before);
          this.options.toast(this.#problem(problem), { kind: "error" });
        },
      },
      {
        language: currentLanguage(),
        transcribe: (recording, signal) => this.options.api.speechQuery(recording, { signal }).then(({ text }) => text),
      },
    );
  }

  /** @param {unknown} problem */
  #problem(problem) {
    const t = this.#t;
    if (typeof problem === "string" && PROBLEMS.includes(problem)) return t(`voice.${problem}`);
    if (problem instanceof ApiError && problem.message.includes("weights not installed")) return t("voice.unavailable");
    if (problem instanceof ApiError && problem.code === "nothing_said") return t("voice.silence");
    if (problem instanceof ApiError && problem.passing) return inWords(problem, t);
    return t("voice.failed");
  }

  /** Nobody is listening any more. */
  #silent() {
    this.#listening = null;
    this.element.classList.remove("is-listening", "is-thinking");
    this.#mic.style.removeProperty("--level");
    this.draw(translator(currentLanguage()));
    this.#status.textContent = "";
  }

  /** Pictures may be dropped and pasted anywhere, but where files are uploaded. */
  #takePictures() {
    const wanted = (/** @type {DataTransfer | null} */ data) =>
      !["upload", "editor"].includes(document.body.dataset.view ?? "") &&
      [...(data?.items ?? [])].some(({ kind, type }) => kind === "file" && (type.startsWith("image/") || type.startsWith("video/")));
    const taken = (/** @type {DataTransfer | null} */ data) => [...(data?.files ?? [])].find(({ type }) => /^(image|video)\//.test(type));
    document.addEventListener("paste", (event) => {
      const file = wanted(event.clipboardData) ? taken(event.clipboardData) : undefined;
      if (!file) return;
      event.preventDefault();
      void this.#byPicture(file);
    });
    document.addEventListener("dragover", (event) => {
      if (!wanted(event.dataTransfer)) return;
      event.preventDefault();
      this.#drop.hidden = false;
    });
    document.addEventListener("dragleave", (event) => {
      if (event.relatedTarget === null) this.#drop.hidden = true;
    });
    document.addEventListener("drop", (event) => {
      this.#drop.hidden = true;
      const file = wanted(event.dataTransfer) ? taken(event.dataTransfer) : undefined;
      if (!file) return;
      event.preventDefault();
      void this.#byPicture(file);
    });
  }

  /** @param {File} file */
  async #byPicture(file) {
    try {
      this.options.navigate(address({ picture: await keepPicture(file) }));
    } catch (error) {
      if (isAbort(error)) return;
      const code = error instanceof ApiError ? error.code : "";
      this.options.toast(this.#t(code === "too_large" ? "picture.large" : "picture.wrong"), { kind: "error" });
    }
  }
}

/**
 * @file The search box: a field that completes what is typed, listens, and takes pictures.
 */

import { fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { address } from "./router.js";

/** @typedef {import("./types.js").Translate} Translate */

/** The search box. It stays the same element in every view. */
export class SearchBox {
  #field = h("input", { class: "search-field", type: "search", name: "q", maxlength: "300", enterkeyhint: "search", autocomplete: "off" });
  #form = h("form", { class: "search-form", role: "search" });
  element = h("div", { class: "searchbox" }, this.#form);

  /**
   * @param {object} options
   * @param {import("./api.js").Api} options.api
   * @param {(to: string) => void} options.navigate
   * @param {(message: string, options?: import("./types.js").ToastOptions) => void} options.toast
   */
  constructor(options) {
    this.options = options;
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      const q = this.#field.value.trim();
      if (q) options.navigate(address({ q }));
    });
  }

  /** @param {Translate} t */
  draw(t) {
    this.#field.setAttribute("aria-label", t("action.search"));
    fill(this.#form, icon("search"), this.#field);
  }

  /** @param {import("./router.js").Route} route */
  enter(route) {
    this.#field.value = route.params.get("q") ?? "";
  }
}

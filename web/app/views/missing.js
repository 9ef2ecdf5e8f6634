/** @file An address that means nothing. */

import { h } from "../dom.js";
import { nothing } from "../states.js";

/** @type {import("../types.js").Render} */
export async function render(root, _params, { t, title }) {
  title(t("page.not_found"));
  root.append(
    h("h1", { class: "visually-hidden" }, "Kadr"),
    nothing({ title: t("page.not_found"), text: t("error.not_found"), actions: [h("a", { class: "button", href: "/" }, t("nav.home"))] }),
  );
}

/** @file Themes as an editor sees them: what they are called, and what of. */

import { isAbort } from "../api.js";
import { append, fill, h } from "../dom.js";
import { icon } from "../icons.js";
import { furtherPages } from "../paging.js";
import { picture } from "../poster.js";
import { address } from "../router.js";
import { failure, nothing } from "../states.js";
import { nameField } from "./names.js";

/** @typedef {import("../types.js").Theme} Theme */

const PAGE = 50;

/** @type {import("../views/editor.js").Section} */
export async function editThemes(body, params, context) {
  const { api, t, signal } = context;
  const list = h("ul", { class: "uploads" });
  const foot = h("div", { class: "results-foot" });
  const add = (/** @type {import("../types.js").ThemesAnswer} */ answer) => {
    append(list, answer.themes.map((theme) => h("li", { class: "upload", data: { theme: theme.theme_id } }, themeRow(theme))));
    return answer.next_offset;
  };
  const themeRow = (/** @type {Theme} */ theme) => [
    h("div", { class: "mosaic", "aria-hidden": "true" }, icon("themes"), theme.thumbnails.slice(0, 3).map((url) => h("span", null, picture(url)))),
    h(
      "div",
      { class: "upload-text" },
      nameField({ name: theme.name, label: t("name.theme.label", { name: theme.name }), save: (name) => api.renameTheme(theme.theme_id, name) }, context),
      h("p", { class: "hint" }, [t("count.videos", { n: theme.videos }), ...theme.terms].join(" · ")),
    ),
    h("div", { class: "upload-tools" }, h("a", { class: "icon-button", href: address({ theme: theme.theme_id }), "aria-label": t("themes.all", { name: theme.name }) }, icon("forward"))),
  ];
  try {
    const answer = await api.themes({ limit: PAGE }, { signal });
    if (answer.themes.length === 0) {
      fill(body, nothing({ title: t("themes.none"), text: t("themes.none.text"), mark: "themes" }));
      return;
    }
    fill(body, list, foot);
    furtherPages(foot, add(answer), async (offset) => add(await api.themes({ limit: PAGE, offset }, { signal })), context);
  } catch (error) {
    if (!isAbort(error)) fill(body, failure(error, t, () => (fill(body), void editThemes(body, params, context))));
  }
}

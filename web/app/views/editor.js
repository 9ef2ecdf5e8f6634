/**
 * @file Editing, with a key: videos that failed, who is who, what themes are called, the words of the glossary.
 */

import { fill, h } from "../dom.js";
import { editGlossary } from "../editor/glossary.js";
import { editPeople } from "../editor/people.js";
import { editThemes } from "../editor/themes.js";
import { editVideos } from "../editor/videos.js";
import { addMessages } from "../i18n.js";
import { collections } from "../messages/collections.js";
import { manage } from "../messages/manage.js";
import { address } from "../router.js";
import { signInForm } from "../sign-in.js";

/** @typedef {import("../types.js").Context} Context */

addMessages(collections);
addMessages(manage);

/**
 * Draws a section.
 * @callback Section
 * @param {HTMLElement} body
 * @param {URLSearchParams} params
 * @param {Context} context
 * @returns {Promise<void>}
 */

/** @type {{name: string, scope: import("../types.js").Scope, draw: Section}[]} */
const SECTIONS = [
  { name: "videos", scope: "edit", draw: editVideos },
  { name: "people", scope: "edit", draw: editPeople },
  { name: "themes", scope: "edit", draw: editThemes },
  { name: "glossary", scope: "glossary", draw: editGlossary },
];

/** @type {import("../types.js").Render} */
export async function render(root, params, context) {
  const { t, title, session, signal } = context;
  title(t("editor.title"));
  await session.ready;
  if (signal.aborted) return;
  /** @type {string | null} */
  let drawn = null;
  const draw = async () => {
    const open = SECTIONS.filter(({ scope }) => session.can(scope));
    const section = open.find(({ name }) => name === params.get("tab")) ?? open[0];
    const state = [section?.name, ...session.scopes].join(" ");
    if (state === drawn) return; // the same key again, or one that was refused
    drawn = state;
    if (section === undefined) {
      fill(root, h("h1", { class: "visually-hidden" }, t("editor.title")), signInForm({ title: t("editor.sign_in"), text: t("upload.sign_in.text"), scope: "edit" }, context));
      return;
    }
    title(`${t(`editor.${section.name}`)} · ${t("editor.title")}`);
    const body = h("div", { class: "stack" });
    fill(
      root,
      h(
        "header",
        { class: "stack editor-head" },
        h("h1", null, t("editor.title")),
        h(
          "nav",
          { "aria-label": t("editor.sections") },
          h(
            "ul",
            { class: "tabs" },
            open.map(({ name }) => h("li", null, h("a", { class: "tab", href: address({ view: "editor", tab: name }), "aria-current": name === section.name ? "page" : null }, t(`editor.${name}`)))),
          ),
        ),
      ),
      body,
    );
    await section.draw(body, params, context);
  };
  session.addEventListener("change", () => void draw(), { signal });
  await draw();
}

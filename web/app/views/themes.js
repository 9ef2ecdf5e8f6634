/**
 * @file Themes: a shelf for each; and the page of one theme.
 */

import { isAbort } from "../api.js";
import { append, fill, h } from "../dom.js";
import { addMessages } from "../i18n.js";
import { icon } from "../icons.js";
import { collections } from "../messages/collections.js";
import { furtherPages } from "../paging.js";
import { stopPreview } from "../player.js";
import { poster } from "../poster.js";
import { renameSheet } from "../rename.js";
import { address } from "../router.js";
import { searchInside } from "../search-inside.js";
import { failure, nothing, posterSkeletons } from "../states.js";

/** @typedef {import("../types.js").Context} Context */
/** @typedef {import("../types.js").Theme} Theme */
/** @typedef {import("../types.js").Card} Card */

addMessages(collections);

const SHELVES = 12; // themes of a page
const ON_SHELF = 12; // videos of a shelf; all of them are on the theme's page
const PAGE = 36;
const TERMS = 5;

/** @type {import("../types.js").Render} */
export async function render(root, params, context) {
  const id = params.get("theme");
  if (id === null) await shelves(root, context);
  else await page(root, id, context);
  return stopPreview;
}

/**
 * @param {HTMLElement} root
 * @param {Context} context
 */
async function shelves(root, context) {
  const { api, t, title, signal, memory } = context;
  title(t("themes.title"));
  const list = h("div", { class: "shelves" });
  const foot = h("div", { class: "results-foot" });
  append(root, [h("header", { class: "page-head" }, h("div", { class: "stack-s" }, h("h1", null, t("themes.title")), h("p", { class: "lead" }, t("themes.lead")))), list, foot]);

  /** @typedef {import("../types.js").ThemesAnswer} Answer */
  const pages = /** @type {Answer[]} */ (memory.pages ??= []);
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        observer.unobserve(target);
        waiting.get(target)?.();
      }
    },
    { rootMargin: "500px" },
  );
  /** @type {WeakMap<Element, () => void>} */
  const waiting = new WeakMap();
  signal.addEventListener("abort", () => observer.disconnect());
  const add = (/** @type {Answer} */ answer) => {
    for (const theme of answer.themes) {
      const { element, load } = shelf(theme, context);
      list.append(element);
      waiting.set(element, load);
      observer.observe(element);
    }
    return answer.next_offset;
  };
  const more = async (/** @type {number} */ offset) => {
    const answer = await api.themes({ limit: SHELVES, offset }, { signal });
    pages.push(answer);
    return add(answer);
  };
  try {
    if (pages.length === 0) {
      fill(list, posterSkeletons(6));
      pages.push(await api.themes({ limit: SHELVES }, { signal }));
    }
    fill(list);
    const offsets = pages.map(add);
    if (list.childElementCount === 0) fill(list, nothing({ title: t("themes.none"), text: t("themes.none.text"), mark: "themes" }));
    furtherPages(foot, offsets.at(-1) ?? null, more, context);
  } catch (error) {
    if (!isAbort(error)) fill(list, failure(error, t, () => (fill(root), void shelves(root, context))));
  }
}

/**
 * One theme with the first of its videos, which are asked for when it comes near.
 * @param {Theme} theme
 * @param {Context} context
 */
function shelf(theme, { api, t, signal, memory }) {
  const to = address({ theme: theme.theme_id });
  const key = `shelf ${theme.theme_id}`;
  const known = /** @type {Card[] | undefined} */ (memory[key]);
  const row = h("ul", { class: "shelf", "aria-busy": known === undefined });
  const show = (/** @type {Card[]} */ videos) => {
    row.removeAttribute("aria-busy");
    fill(
      row,
      videos.map((video) => h("li", null, poster(video, { t, href: address({ video: video.video_id }) }))),
      theme.videos > videos.length &&
        h("li", null, h("a", { class: "poster shelf-more", href: to, "aria-label": t("themes.all", { name: theme.name }) }, h("span", { class: "shelf-rest" }, `+${theme.videos - videos.length}`), icon("forward"))),
    );
  };
  const load = async () => {
    if (known !== undefined) return;
    try {
      const { videos } = await api.theme(theme.theme_id, { limit: ON_SHELF }, { signal });
      memory[key] = videos;
      show(videos);
    } catch (error) {
      if (!isAbort(error)) fill(row, h("li", { class: "shelf-wrong" }, failure(error, t, () => void load())));
    }
  };
  if (known !== undefined) show(known);
  else fill(row, Array.from({ length: Math.min(theme.videos, 8) }, () => h("li", { "aria-hidden": "true" }, h("div", { class: "poster skeleton" }))));
  const element = h(
    "section",
    { class: "shelf-block", data: { theme: theme.theme_id } },
    h(
      "header",
      { class: "shelf-head" },
      h("h2", { class: "shelf-title" }, h("a", { href: to }, theme.name, icon("forward", "shelf-arrow"))),
      h("p", { class: "hint" }, [t("count.videos", { n: theme.videos }), ...theme.terms.filter((term) => term !== theme.name).slice(0, TERMS)].join(" · ")),
    ),
    row,
  );
  return { element, load: () => void load() };
}

/**
 * @param {HTMLElement} root
 * @param {string} id
 * @param {Context} context
 */
async function page(root, id, context) {
  const { api, t, title, signal, session, toast, memory } = context;
  const heading = h("h1", null, " ");
  const count = h("p", { class: "hint" });
  const tools = h("div", { class: "cluster" });
  const head = h("header", { class: "page-head" }, h("div", { class: "stack-s" }, h("a", { class: "crumb", href: address({ view: "themes" }) }, icon("back"), t("themes.title")), heading, count), tools);
  const within = h("div", { class: "stack collection-search" });
  const list = h("div");
  const foot = h("div", { class: "results-foot" });
  append(root, [head, within, list, foot]);

  /** @typedef {import("../types.js").ThemeAnswer} Answer */
  const pages = /** @type {Answer[]} */ (memory.pages ??= []);
  const grid = h("ul", { class: "grid grid-tight" });
  const add = (/** @type {Answer} */ answer) => {
    append(grid, answer.videos.map((video) => h("li", null, poster(video, { t, href: address({ video: video.video_id }) }))));
    return answer.next_offset;
  };
  const show = (/** @type {Theme} */ theme) => {
    title(theme.name);
    heading.textContent = theme.name;
    count.textContent = t("count.videos", { n: theme.videos });
    fill(
      within,
      searchInside({ placeholder: t("theme.search"), label: t("theme.search.label", { name: theme.name }), within: { theme: id } }, context),
      theme.terms.length > 0 &&
        h(
          "ul",
          { class: "chips", "aria-label": t("theme.terms") },
          theme.terms.map((term) => h("li", null, h("a", { class: "chip", href: address({ q: term, theme: id }) }, term))),
        ),
    );
    const rename = () =>
      renameSheet(
        { title: t("action.rename"), label: t("rename.theme"), name: theme.name, save: (name) => api.renameTheme(id, name, { signal }) },
        t,
        (changed) => {
          const [first] = pages;
          if (first) first.theme = changed;
          show(changed);
          toast(t("rename.saved"));
        },
      );
    fill(tools, h("button", { type: "button", class: "button small", on: { click: rename } }, icon("edit"), t("action.rename")));
  };
  const allow = () => (tools.hidden = !session.can("edit"));
  try {
    if (pages.length === 0) {
      fill(list, posterSkeletons(12));
      pages.push(await api.theme(id, { limit: PAGE }, { signal }));
    }
    const [first] = pages;
    if (!first) return;
    fill(list, grid);
    const offsets = pages.map(add);
    show(first.theme);
    allow();
    session.addEventListener("change", allow, { signal });
    furtherPages(foot, offsets.at(-1) ?? null, async (offset) => {
      const answer = await api.theme(id, { limit: PAGE, offset }, { signal });
      pages.push(answer);
      return add(answer);
    }, context);
  } catch (error) {
    if (isAbort(error)) return;
    title(t("error.title"));
    fill(root, failure(error, t, () => (fill(root), void page(root, id, context))));
  }
}

/**
 * @file The first page: what others look for, and what is new.
 */

import { isAbort } from "../api.js";
import { append, fill, h } from "../dom.js";
import { icon } from "../icons.js";
import { stopPreview } from "../player.js";
import { picture, poster } from "../poster.js";
import { address } from "../router.js";
import { failure, nothing, posterSkeletons } from "../states.js";

const NEWEST = 18;
const AT_ONCE = 6; // posters that are seen first
const IDEAS = 8;
const ASKED = 20; // suggestions among which the ideas are
const THEMES = 12;

/** @typedef {import("../types.js").Suggestion} Suggestion */

/** @type {import("../types.js").Render} */
export async function render(root, _params, { api, t, language, title, signal, memory }) {
  title("");
  const ideas = h("div", { class: "ideas" });
  const newest = h("section", { class: "newest", "aria-label": t("home.newest") });
  // Below what is first seen: whenever it comes, it pushes nothing away.
  const themes = h("section", { class: "home-themes", "aria-label": t("nav.themes"), hidden: true });
  append(root, [ideas, newest, themes]);

  const load = async () => {
    fill(newest, posterSkeletons(12));
    try {
      const known = /** @type {import("../types.js").Video[] | undefined} */ (memory.videos);
      const videos = known ?? (await api.videos({ state: "searchable", limit: NEWEST }, { signal })).videos;
      memory.videos = videos;
      if (videos.length === 0) {
        const upload = h("a", { class: "button primary", href: address({ view: "upload" }) }, icon("upload"), t("results.empty.upload"));
        fill(newest, nothing({ title: t("results.empty"), text: t("results.empty.text"), mark: "upload", actions: [upload] }));
        return;
      }
      fill(
        newest,
        h("h2", { class: "section-title" }, t("home.newest")),
        h("ul", { class: "grid grid-tight" }, videos.map((video, place) => h("li", null, poster(video, { t, eager: place < AT_ONCE, href: address({ video: video.video_id }) })))),
      );
    } catch (error) {
      if (!isAbort(error)) fill(newest, failure(error, t, () => void load()));
    }
  };

  const suggest = async () => {
    try {
      const known = /** @type {Suggestion[] | undefined} */ (memory.suggestions);
      const suggestions = known ?? (await api.suggest({ q: "", k: ASKED }, { signal })).suggestions;
      memory.suggestions = suggestions;
      const texts = ideasOf(suggestions, language);
      if (texts.length === 0) return;
      append(ideas, [
        h("h2", { class: "visually-hidden" }, t("home.try")),
        h("ul", { class: "chips" }, texts.map((q) => h("li", null, h("a", { class: "chip", href: address({ q }) }, q)))),
      ]);
    } catch {
      // Ideas are an extra.
    }
  };

  const browse = async () => {
    try {
      const known = /** @type {import("../types.js").Theme[] | undefined} */ (memory.themes);
      const found = known ?? (await api.themes({ limit: THEMES }, { signal })).themes;
      memory.themes = found;
      if (found.length === 0) return;
      fill(
        themes,
        h("h2", { class: "section-title" }, h("a", { href: address({ view: "themes" }) }, t("nav.themes"))),
        h("ul", { class: "shelf strips" }, found.map((theme) => h("li", null, strip(theme)))),
      );
      themes.hidden = false;
    } catch {
      // Themes are an extra, too.
    }
  };

  await Promise.all([load(), suggest(), browse()]);
  return stopPreview;
}

/**
 * What to search for, of what is popular: one of those that mean the same, in the script of the page's language first.
 * @param {Suggestion[]} suggestions
 * @param {import("../types.js").Language} language
 */
function ideasOf(suggestions, language) {
  const own = language === "ru" ? /\p{Script=Cyrillic}/u : /\p{Script=Latin}/u;
  const other = language === "ru" ? /\p{Script=Latin}/u : /\p{Script=Cyrillic}/u;
  const first = (/** @type {string} */ text) => (own.test(text) && !other.test(text) ? 0 : 1);
  const sorted = suggestions
    // Themes have a shelf, and a page each.
    .filter(({ source }) => source !== "theme")
    .sort((a, b) => first(a.text) - first(b.text));
  const groups = new Map([...sorted].reverse().map(({ group, text }) => [group, text]));
  return sorted.filter(({ group, text }) => groups.get(group) === text).map(({ text }) => text).slice(0, IDEAS);
}

/**
 * A theme as a strip of film: its first pictures in a row, and its name.
 * @param {import("../types.js").Theme} theme
 */
function strip({ theme_id, name, thumbnails }) {
  return h(
    "a",
    { class: "strip", href: address({ theme: theme_id }) },
    h("span", { class: "strip-frames", "aria-hidden": "true" }, Array.from({ length: 4 }, (_, place) => h("span", { class: "strip-frame" }, picture(thumbnails[place] ?? null)))),
    h("span", { class: "strip-name" }, name),
  );
}

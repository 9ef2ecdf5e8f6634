/**
 * @file People: everybody who appears, and the page of one person.
 */

import { isAbort } from "../api.js";
import { append, fill, h } from "../dom.js";
import { addMessages, clock, titleOf } from "../i18n.js";
import { icon } from "../icons.js";
import { collections } from "../messages/collections.js";
import { furtherPages } from "../paging.js";
import { stopPreview } from "../player.js";
import { portrait } from "../portrait.js";
import { poster } from "../poster.js";
import { address } from "../router.js";
import { searchInside } from "../search-inside.js";
import { failure, nothing, posterSkeletons } from "../states.js";

/** @typedef {import("../types.js").Context} Context */
/** @typedef {import("../types.js").Person} Person */
/** @typedef {import("../types.js").PeopleAnswer} PeopleAnswer */
/** @typedef {import("../types.js").PersonAnswer} PersonAnswer */

addMessages(collections);

const PEOPLE = 60;
const PAGE = 36;

/** @type {import("../types.js").Render} */
export async function render(root, params, context) {
  const id = params.get("person");
  if (id === null) await everybody(root, context);
  else await page(root, id, context);
  return stopPreview;
}

/**
 * @param {HTMLElement} root
 * @param {Context} context
 */
async function everybody(root, context) {
  const { api, t, title, signal, memory } = context;
  title(t("people.title"));
  const list = h("div");
  const foot = h("div", { class: "results-foot" });
  append(root, [h("header", { class: "page-head" }, h("div", { class: "stack-s" }, h("h1", null, t("people.title")), h("p", { class: "lead" }, t("people.lead")))), list, foot]);
  const pages = /** @type {PeopleAnswer[]} */ (memory.pages ??= []);
  const grid = h("ul", { class: "people" });
  const add = (/** @type {PeopleAnswer} */ answer) => {
    append(grid, answer.people.map((person) => h("li", null, personCard(person, t))));
    return answer.next_offset;
  };
  try {
    if (pages.length === 0) {
      fill(list, h("ul", { class: "people", "aria-hidden": "true" }, Array.from({ length: 12 }, () => h("li", { class: "person-card" }, h("div", { class: "portrait skeleton" }), h("div", { class: "skeleton skeleton-line short" })))));
      pages.push(await api.people({ limit: PEOPLE }, { signal }));
    }
    fill(list, grid);
    const offsets = pages.map(add);
    if (grid.childElementCount === 0) fill(list, nothing({ title: t("people.none"), text: t("people.none.text"), mark: "people" }));
    furtherPages(foot, offsets.at(-1) ?? null, async (offset) => {
      const answer = await api.people({ limit: PEOPLE, offset }, { signal });
      pages.push(answer);
      return add(answer);
    }, context);
  } catch (error) {
    if (!isAbort(error)) fill(list, failure(error, t, () => (fill(root), void everybody(root, context))));
  }
}

/**
 * @param {Person} person
 * @param {import("../types.js").Translate} t
 */
function personCard(person, t) {
  return h(
    "a",
    { class: "person-card", href: address({ person: person.person_id }) },
    portrait(person.portrait_url),
    h("span", { class: ["person-name", person.name === null && "is-unnamed"] }, person.name ?? t("person.unnamed")),
    h("span", { class: "hint" }, t("count.videos", { n: person.videos })),
  );
}

/**
 * @param {HTMLElement} root
 * @param {string} id
 * @param {Context} context
 */
async function page(root, id, context) {
  const { api, t, title, signal, session, memory } = context;
  const head = h("header", { class: "page-head" });
  const within = h("div", { class: "stack collection-search" });
  const list = h("div");
  const foot = h("div", { class: "results-foot" });
  append(root, [head, within, list, foot]);
  const pages = /** @type {PersonAnswer[]} */ (memory.pages ??= []);
  const grid = h("ul", { class: "grid grid-tight" });
  const add = (/** @type {PersonAnswer} */ answer) => {
    append(
      grid,
      answer.appearances.map((appearance) => {
        const { video_id: video, start, key } = appearance;
        const label = t("person.at", { title: titleOf(key), time: clock(start) });
        return h("li", null, poster(appearance, { t, at: start, label, href: address({ video, t: start > 0 ? Number(start.toFixed(1)) : null }) }));
      }),
    );
    return answer.next_offset;
  };
  const show = (/** @type {Person} */ person) => {
    const name = person.name ?? t("person.unnamed");
    title(name);
    fill(
      head,
      h(
        "div",
        { class: "person-head" },
        portrait(person.portrait_url, "portrait-large"),
        h("div", { class: "stack-s" }, h("a", { class: "crumb", href: address({ view: "people" }) }, icon("back"), t("people.title")), h("h1", null, name), h("p", { class: "hint" }, t("count.videos", { n: person.videos }))),
      ),
      session.can("edit") && h("a", { class: "button small", href: address({ view: "editor", tab: "people", id }) }, icon("edit"), t("action.edit")),
    );
  };
  try {
    if (pages.length === 0) {
      fill(list, posterSkeletons(12));
      pages.push(await api.person(id, { limit: PAGE }, { signal }));
    }
    const [first] = pages;
    if (!first) return;
    show(first.person);
    session.addEventListener("change", () => show(first.person), { signal });
    fill(within, searchInside({ placeholder: t("person.search"), label: t("person.search"), within: { person: id } }, context));
    fill(list, h("h2", { class: "visually-hidden" }, t("person.appearances")), grid);
    const offsets = pages.map(add);
    furtherPages(foot, offsets.at(-1) ?? null, async (offset) => {
      const answer = await api.person(id, { limit: PAGE, offset }, { signal });
      pages.push(answer);
      return add(answer);
    }, context);
  } catch (error) {
    if (isAbort(error)) return;
    title(t("error.title"));
    fill(root, failure(error, t, () => (fill(root), void page(root, id, context))));
  }
}

/**
 * @file Results: for words, for a video (`similar`), for a picture (`picture`).
 */

import { ApiError, inWords, isAbort } from "../api.js";
import { append, fill, h } from "../dom.js";
import { explain } from "../explain.js";
import { titleOf } from "../i18n.js";
import { icon } from "../icons.js";
import { pictureOf } from "../pictures.js";
import { stopPreview } from "../player.js";
import { setPlaylist } from "../playlist.js";
import { picture } from "../poster.js";
import { historyUser } from "../preferences.js";
import { resultAddress, resultCard } from "../result-card.js";
import { NARROWING, address } from "../router.js";
import { failure, nothing, posterSkeletons } from "../states.js";

/** @typedef {import("../types.js").Context} Context */
/** @typedef {import("../types.js").Translate} Translate */
/** @typedef {import("../types.js").SearchAnswer} SearchAnswer */
/** @typedef {import("../types.js").SimilarAnswer} SimilarAnswer */
/** @typedef {SearchAnswer | SimilarAnswer} Answer */

const PAGE = 24; // four rows of six, eight of three, twelve of two
const FEW = 2;
const SURE = 0.1; // the API's own limit, below which a result is none that is likely to be meant
const SLOW = 3000; // milliseconds after which it is said that it takes long

/** @type {{value: "visual" | "ocr" | "speech" | null, name: string, icon: import("../icons.js").IconName}[]} */
const MODALITIES = [
  { value: null, name: "filter.all", icon: "frame" },
  { value: "visual", name: "filter.visual", icon: "eye" },
  { value: "ocr", name: "filter.ocr", icon: "text" },
  { value: "speech", name: "filter.speech", icon: "speech" },
];

/** The pages of one search. */
class Results {
  /** @type {HTMLElement[]} */
  #grids = [];
  /** @type {import("../playlist.js").Entry[]} */
  #playlist = [];
  #list = h("div", { class: "results-list" });

  /**
   * @param {{head: HTMLElement, body: HTMLElement, foot: HTMLElement}} parts
   * @param {URLSearchParams} params
   * @param {Context} context
   */
  constructor(parts, params, context) {
    this.parts = parts;
    this.params = params;
    this.context = context;
    this.ask = question(params, context);
  }

  /** Asks for the first page and shows it; says so if that takes long, or fails. */
  async load() {
    const { body } = this.parts;
    const { t, announce, signal } = this.context;
    const late = h("p", { class: "late", role: "status" });
    fill(body, late, posterSkeletons(PAGE / 2));
    const timer = setTimeout(() => append(late, [icon("clock"), t("state.slow")]), SLOW);
    try {
      const answer = await this.ask(0);
      this.show([answer]);
      const { results, next_offset: more } = answer;
      announce(`${t("results.announce", { n: results.length })}${more === null ? "" : `. ${t("results.announce.more")}`}`);
    } catch (error) {
      if (isAbort(error) || signal.aborted) return;
      fill(body, failure(error, t, () => void this.load()));
    } finally {
      clearTimeout(timer);
    }
  }

  /** @param {Answer[]} pages at least one */
  show(pages) {
    const { head, body } = this.parts;
    const { t, memory } = this.context;
    const [answer] = pages;
    if (!answer) return;
    memory.pages = pages;
    if ("query" in answer) fill(head, explanation(answer, this.params, this.context));
    if (answer.results.length === 0) {
      fill(body);
      void noResults(body, this.params, this.context);
      return;
    }
    fill(this.#list);
    this.#grids = [];
    this.#playlist = [];
    const unsure = "nothing_good" in answer && answer.nothing_good;
    this.#grid(!unsure);
    for (const page of pages) this.#add(page);
    fill(body, unsure && h("p", { class: "unsure" }, icon("info"), t("results.unsure")), this.#list);
    this.#further(pages);
  }

  /**
   * Begins a grid.
   * @param {boolean} mayEnd whether less sure results go into another one
   */
  #grid(mayEnd) {
    const grid = h("ol", { class: "grid results", start: this.#shown + 1, data: { mayEnd: String(mayEnd) } });
    this.#grids.push(grid);
    this.#list.append(grid);
    return grid;
  }

  get #shown() {
    return this.#grids.reduce((sum, grid) => sum + grid.childElementCount, 0);
  }

  /** @param {Answer} page */
  #add(page) {
    const { t } = this.context;
    const lastSure = page.results.reduce((last, { confidence }, place) => (confidence === null || confidence >= SURE ? place : last), -1);
    for (const [place, result] of page.results.entries()) {
      let grid = this.#grids.at(-1) ?? this.#grid(true);
      if (place > lastSure && grid.dataset.mayEnd === "true" && grid.childElementCount > 0) {
        // One or two answers have the room to say more.
        if (grid.childElementCount <= FEW) grid.dataset.few = String(grid.childElementCount);
        this.#list.append(h("h2", { class: "less-sure" }, t("results.less_sure")));
        grid = this.#grid(false);
      }
      append(grid, [h("li", null, resultCard(result, { t, params: this.params }))]);
      this.#playlist.push({ video: result.video_id, href: resultAddress(result, this.params) });
    }
    setPlaylist(this.#playlist);
  }

  /**
   * Puts below the results what leads to the next page: by itself as one comes near the end, and by a button.
   * @param {Answer[]} pages
   */
  #further(pages) {
    const { foot } = this.parts;
    const { t, signal } = this.context;
    const offset = pages.at(-1)?.next_offset ?? null;
    if (offset === null) {
      fill(foot, this.#shown > PAGE / 2 && h("p", { class: "hint" }, t("results.end")));
      return;
    }
    const more = h("button", { type: "button", class: "button" }, t("action.more"));
    const problem = h("p", { class: "field-error", role: "alert" });
    const near = new IntersectionObserver(
      (entries) => {
        if (entries.some(({ isIntersecting }) => isIntersecting)) void this.#next(offset, pages, { more, problem, near });
      },
      { rootMargin: "900px" },
    );
    more.addEventListener("click", () => void this.#next(offset, pages, { more, problem, near }));
    signal.addEventListener("abort", () => near.disconnect());
    fill(foot, problem, more);
    near.observe(more);
  }

  /**
   * @param {number} offset
   * @param {Answer[]} pages
   * @param {{more: HTMLButtonElement, problem: HTMLElement, near: IntersectionObserver}} foot
   */
  async #next(offset, pages, { more, problem, near }) {
    if (more.disabled) return;
    const asked = document.activeElement === more;
    more.disabled = true;
    fill(problem);
    near.disconnect();
    try {
      const page = await this.ask(offset);
      const from = this.#shown;
      this.#add(page);
      pages.push(page);
      // Whoever asked by the keyboard goes on at the first of what came.
      if (asked) this.#list.querySelectorAll("li")[from]?.querySelector("a")?.focus();
      this.#further(pages);
    } catch (error) {
      if (isAbort(error)) return;
      more.disabled = false;
      fill(problem, inWords(error, this.context.t));
    }
  }
}

/** @type {import("../types.js").Render} */
export async function render(root, params, context) {
  const { t, title } = context;
  const q = params.get("q");
  const name = q ?? (params.has("picture") ? t("picture.title") : t("similar.title"));
  title(name);
  const parts = {
    head: h("div", { class: "results-head" }),
    body: h("div", { class: "results-body" }),
    foot: h("div", { class: "results-foot" }),
  };
  append(root, [
    q !== null && h("h1", { class: "visually-hidden" }, t("results.title", { query: name })),
    q === null && subject(params, context),
    // A picture is looked at only.
    !params.has("picture") && modalities(params, t),
    conditions(params, context),
    parts.head,
    parts.body,
    parts.foot,
  ]);
  const results = new Results(parts, params, context);
  const known = /** @type {Answer[] | undefined} */ (context.memory.pages);
  if (known) results.show(known);
  else await results.load();
  return stopPreview;
}

/**
 * Returns what asks the API for a page.
 * @param {URLSearchParams} params
 * @param {Context} context
 * @returns {(offset: number) => Promise<Answer>}
 */
function question(params, { api, signal }) {
  const where = Object.fromEntries(NARROWING.map((name) => [name, params.getAll(name)]));
  const common = { ...where, collapse: params.get("collapse"), k: PAGE };
  const [q, video, image] = [params.get("q"), params.get("similar"), params.get("picture")];
  if (q) return (offset) => api.search({ q, ...common, skip: params.getAll("skip"), user: historyUser(), offset }, { signal });
  if (video) return (offset) => api.similar(video, { ...common, offset }, { signal });
  return async (offset) => {
    const kept = image ? await pictureOf(image) : null;
    if (kept === null) throw new ApiError("picture_gone", "the picture was not kept");
    return api.searchByImage(kept, { ...common, modality: null, offset }, { signal });
  };
}

/**
 * The modalities to look in, as chips.
 * @param {URLSearchParams} params
 * @param {Translate} t
 */
function modalities(params, t) {
  const chosen = params.get("modality");
  return h(
    "nav",
    { class: "chips", "aria-label": t("filters.label") },
    MODALITIES.map(({ value, name, icon: drawn }) =>
      h("a", { class: "chip", href: changed(params, { modality: value }), "aria-current": chosen === value ? "true" : null }, icon(drawn), t(name)),
    ),
  );
}

/**
 * The other conditions, each with a way out of it.
 * @param {URLSearchParams} params
 * @param {Context} context
 */
function conditions(params, { api, t, signal }) {
  /** @param {string} kind @param {string} id @param {(label: HTMLElement) => void} [name] */
  const chip = (kind, id, name) => {
    const label = h("span", null, t(`filter.${kind}`));
    const rest = new URLSearchParams(params);
    if (kind === "all_duplicates") rest.delete("collapse");
    else rest.delete(kind, id);
    name?.(label);
    return h(
      "a",
      { class: "chip", href: `/?${rest}`, "aria-label": t("filter.remove", { name: label.textContent ?? "" }) },
      icon(kind === "person" ? "person" : kind === "theme" ? "themes" : "stack"),
      label,
      icon("close"),
    );
  };
  /** @param {Promise<string | null>} naming */
  const named = (naming) => (/** @type {HTMLElement} */ label) =>
    void naming.then(
      (name) => {
        if (name === null) return;
        label.textContent = name;
        label.parentElement?.setAttribute("aria-label", t("filter.remove", { name }));
      },
      () => undefined, // the condition holds without its name
    );
  const chips = [
    ...params.getAll("theme").map((id) => chip("theme", id, named(api.theme(id, { limit: 1 }, { signal }).then(({ theme }) => theme.name)))),
    ...params.getAll("person").map((id) => chip("person", id, named(api.person(id, { limit: 1 }, { signal }).then(({ person }) => person.name)))),
    ...(params.get("collapse") === "false" ? [chip("all_duplicates", "")] : []),
  ];
  return chips.length > 0 && h("div", { class: "cluster conditions" }, chips);
}

/**
 * What is being looked for where it is no words: a video, or a picture.
 * @param {URLSearchParams} params
 * @param {Context} context
 */
function subject(params, { api, t, signal, title }) {
  const frame = h("span", { class: "subject-picture" });
  const heading = h("h1", null, t(params.has("picture") ? "picture.title" : "similar.title"));
  const [video, image] = [params.get("similar"), params.get("picture")];
  if (video) {
    void api.video(video, { signal }).then(
      (about) => {
        const name = t("similar.of", { title: titleOf(about.key) });
        heading.textContent = name;
        title(name);
        fill(frame, picture(about.thumbnail_url));
      },
      () => undefined, // the results do not need it
    );
  } else if (image) {
    void pictureOf(image).then((kept) => {
      if (kept === null || !kept.type.startsWith("image/")) return;
      const shown = h("img", { alt: t("picture.yours"), class: "is-there" });
      const url = URL.createObjectURL(kept);
      shown.addEventListener("load", () => URL.revokeObjectURL(url));
      shown.src = url;
      fill(frame, shown);
    });
  }
  return h("div", { class: "subject" }, video ? h("a", { href: address({ video }), tabindex: "-1", "aria-hidden": "true" }, frame) : frame, heading);
}

/**
 * How the query was understood, each step with a way back.
 * @param {SearchAnswer} answer
 * @param {URLSearchParams} params
 * @param {Context} context
 */
function explanation({ query }, params, context) {
  const { t } = context;
  const told = explain(query, params);
  const typed = params.get("q") ?? "";
  const box = h("div", { class: "explain" });
  if (told.repaired) {
    append(box, [
      h("p", { class: "explain-line" }, t("explain.searched"), " ", h("strong", null, told.searched)),
      told.asTyped && h("p", { class: "explain-typed" }, h("a", { class: "link", href: `/?${told.asTyped}` }, t("explain.typed", { query: typed }))),
    ]);
  }
  if (told.withAll) void didYouMean(box, typed, `/?${told.withAll}`, context);
  const steps = [...told.repairs, ...(told.translation ? [told.translation] : [])];
  if (steps.length > 0 || told.skipped.length > 0) {
    append(box, [
      h(
        "ul",
        { class: "steps" },
        steps.map(({ step, before, after, undo }) => {
          const label =
            step === "translation" ? t("explain.undo.translation", { after }) : t("explain.undo.label", { step: t(`step.${step}`), before, after });
          return h(
            "li",
            { class: "step" },
            h("span", { class: "step-name" }, t(`step.${step}`)),
            // The first step begins with what stands in the search box, a translation with what stands above.
            step !== "translation" && steps.length > 1 && [h("span", { class: "step-before" }, before), icon("forward")],
            h("span", { class: "step-after" }, after),
            h("a", { class: "step-undo", href: `/?${undo}`, "aria-label": label, title: label }, icon("close")),
          );
        }),
        told.skipped.map((step) => {
          const rest = new URLSearchParams(params);
          rest.delete("skip", step);
          const label = `${t("explain.restore")}: ${t(`step.${step}`)}`;
          return h(
            "li",
            { class: "step is-off" },
            h("span", { class: "step-name" }, t(`step.${step}`)),
            h("a", { class: "step-undo", href: `/?${rest}`, "aria-label": label, title: label }, icon("undo")),
          );
        }),
      ),
    ]);
  }
  return box;
}

/**
 * Asks what the query would have been with every step, and offers it.
 * @param {HTMLElement} box
 * @param {string} typed
 * @param {string} to
 * @param {Context} context
 */
async function didYouMean(box, typed, to, { api, t, signal }) {
  try {
    const { query } = await api.search({ q: typed, k: 1 }, { signal });
    if (query.corrected.toLowerCase() === typed.trim().toLowerCase()) return;
    box.prepend(h("p", { class: "explain-line" }, t("explain.meant"), " ", h("a", { class: "link strong", href: to }, query.corrected), "?"));
  } catch {
    // An offer less; the results are there.
  }
}

/**
 * Says why there is nothing: no videos yet, none ready yet, conditions that are too narrow, or really nothing.
 * @param {HTMLElement} body
 * @param {URLSearchParams} params
 * @param {Context} context
 */
async function noResults(body, params, { api, t, signal }) {
  const narrowed = NARROWING.some((name) => params.has(name));
  const status = await api.status({ signal }).catch(() => null);
  if (signal.aborted) return;
  const counts = status?.videos ?? null;
  const total = counts === null ? null : Object.values(counts).reduce((sum, each) => sum + each, 0);
  const deaf = params.get("modality") === "speech" && status?.models.some(({ role, installed }) => role === "speech" && !installed);
  const upload = h("a", { class: "button primary", href: address({ view: "upload" }) }, icon("upload"), t("results.empty.upload"));
  const free = new URLSearchParams(params);
  for (const name of NARROWING) free.delete(name);
  if (total === 0) fill(body, nothing({ title: t("results.empty"), text: t("results.empty.text"), mark: "upload", actions: [upload] }));
  else if (narrowed) {
    const clear = h("a", { class: "button", href: `/?${free}` }, t("results.none.clear"));
    fill(body, nothing({ title: t("results.none"), text: t(deaf ? "results.none.deaf" : "results.none.filtered"), mark: "search", actions: [clear] }));
  } else {
    fill(body, nothing({ title: t("results.none"), text: t(counts?.indexing ? "results.indexing" : "results.none.text"), mark: "search" }));
  }
}

/**
 * The address with something changed, from the first page on.
 * @param {URLSearchParams} params
 * @param {Record<string, string | null>} changes
 */
function changed(params, changes) {
  const next = new URLSearchParams(params);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) next.delete(name);
    else next.set(name, value);
  }
  return `/?${next}`;
}

/** @file Videos as an editor sees them: what failed and why, tried again, deleted. */

import { inWords, isAbort } from "../api.js";
import { deleteVideo } from "../deletion.js";
import { append, fill, h } from "../dom.js";
import { titleOf } from "../i18n.js";
import { icon } from "../icons.js";
import { findVideo } from "../lookup.js";
import { furtherPages } from "../paging.js";
import { poll } from "../polling.js";
import { picture } from "../poster.js";
import { address } from "../router.js";
import { brokenStages, fingerprint, isBroken, isSettled, stageRow } from "../stages.js";
import { failure, nothing } from "../states.js";

/** @typedef {import("../types.js").Context} Context */
/** @typedef {import("../types.js").Video} Video */

const PAGE = 50;
const WHICH = /** @type {const} */ (["failed", "indexing", "all"]);

/** @type {import("../views/editor.js").Section} */
export async function editVideos(body, params, context) {
  const { api, t, signal } = context;
  const which = WHICH.find((each) => each === params.get("which")) ?? "failed";
  const list = h("ul", { class: "uploads" });
  const foot = h("div", { class: "results-foot" });
  const place = h("div");
  append(body, [
    h(
      "ul",
      { class: "chips", "aria-label": t("videos.label") },
      WHICH.map((each) => h("li", null, h("a", { class: "chip", href: address({ view: "editor", tab: "videos", which: each }), "aria-current": each === which ? "true" : null }, t(`videos.${each}`)))),
    ),
    place,
    foot,
  ]);
  /** @type {Row[]} */
  const rows = [];
  // Where the next page begins: those that were deleted or tried again are on none any more.
  const offset = () => rows.filter(({ video, element }) => element.isConnected && (which === "all" || video.state === which)).length;
  const ask = () => api.videos({ limit: PAGE, offset: offset(), state: which === "all" ? null : which }, { signal });
  const add = (/** @type {Video[]} */ videos) => {
    const added = videos.map((video) => new Row(video, context));
    rows.push(...added);
    append(list, added.map(({ element }) => element));
    return videos.length === PAGE ? rows.length : null;
  };
  try {
    fill(place, h("div", { class: "uploads", "aria-hidden": "true" }, Array.from({ length: 4 }, () => h("div", { class: "upload skeleton" }))));
    const { videos } = await ask();
    if (videos.length === 0) {
      const text = which === "failed" ? t("videos.none.failed.text") : null;
      fill(place, nothing({ title: t(which === "failed" ? "videos.none.failed" : "videos.none"), text, mark: which === "failed" ? "check" : "frame" }));
      return;
    }
    fill(place, list);
    furtherPages(foot, add(videos), async () => add((await ask()).videos), context);
  } catch (error) {
    if (!isAbort(error)) fill(place, failure(error, t, () => (fill(body), void editVideos(body, params, context))));
  }
}

/** One video on the list. */
class Row {
  #state = h("p", { class: "upload-state" });
  #stages = h("div", { class: "upload-stages" });
  #tools = h("div", { class: "upload-tools" });
  #following = new AbortController();
  #going = false;
  #asking = false;

  /**
   * @param {Video} video
   * @param {Context} context
   */
  constructor(video, context) {
    this.video = video;
    this.context = context;
    const name = titleOf(video.key);
    this.element = h(
      "li",
      { class: "upload", data: { video: video.video_id } },
      h("a", { class: "upload-picture", href: address({ video: video.video_id }), "aria-label": name }, icon("frame"), picture(video.thumbnail_url)),
      h("div", { class: "upload-text" }, h("p", { class: "upload-name", dir: "auto" }, video.key), this.#state, this.#stages),
      this.#tools,
    );
    this.#draw();
  }

  #draw() {
    const { video, context } = this;
    const going = this.#going;
    const busy = going || this.#asking;
    const { t } = context;
    const name = titleOf(video.key);
    this.element.dataset.status = video.state === "failed" ? "unusable" : video.state;
    this.#state.textContent = going ? t("delete.going") : t(`state.${video.state}`);
    fill(this.#stages, video.state !== "failed" && stageRow(video, t("upload.stages", { name }), t), brokenStages(video, t));
    const unwell = video.stages.some((stage) => isBroken(stage) || stage.state === "unavailable");
    const focused = this.#tools.contains(document.activeElement) ? document.activeElement?.getAttribute("aria-label") : null;
    fill(
      this.#tools,
      unwell && h("button", { type: "button", class: "button small", "aria-label": t("videos.retry.label", { name }), "aria-disabled": busy ? "true" : null, on: { click: () => void this.#retry() } }, icon("retry"), t("videos.retry")),
      h("button", { type: "button", class: "icon-button", "aria-label": t("delete.label", { name }), title: t("action.delete"), disabled: going, on: { click: () => this.#delete() } }, icon("delete")),
    );
    // The buttons are others now: the keyboard stays at the same one.
    if (focused) /** @type {HTMLElement | null} */ (this.#tools.querySelector(`[aria-label="${CSS.escape(focused)}"]`))?.focus();
  }

  async #retry() {
    if (this.#asking || this.#going) return;
    const { api, t, toast, signal } = this.context;
    this.#asking = true;
    this.#draw();
    try {
      const { stages } = await api.retryVideo(this.video.video_id, { signal });
      toast(stages.length > 0 ? t("videos.retried", { stages: stages.map((stage) => t(`stage.${stage}`)).join(", ") }) : t("videos.retried.none"));
      if (stages.length > 0 && !this.#going) void this.#follow();
    } catch (error) {
      if (!isAbort(error)) toast(inWords(error, t), { kind: "error" });
    }
    this.#asking = false;
    this.#draw();
  }

  /** Looks at the video until nothing more comes, or until it is being deleted. */
  async #follow() {
    const { api, signal: left } = this.context;
    if (left.aborted) return;
    this.#following.abort(); // one look at a time, however often somebody tries again
    const following = (this.#following = new AbortController());
    const { signal } = following;
    left.addEventListener("abort", () => following.abort(), { once: true, signal });
    await poll(
      async () => {
        const before = fingerprint(this.video);
        const video = await findVideo(api, { id: this.video.video_id, key: this.video.key }, { signal });
        if (signal.aborted) return "done";
        if (video === null) {
          this.element.remove(); // somebody else has deleted it
          return "done";
        }
        this.video = video;
        const changed = fingerprint(video) !== before;
        if (changed) this.#draw(); // else the focus would be lost for nothing
        if (isSettled(video)) return "done";
        return changed ? "changed" : "same";
      },
      { signal },
    );
  }

  #delete() {
    const { video, context } = this;
    const going = (/** @type {boolean} */ is) => {
      this.#going = is;
      this.#draw();
    };
    void deleteVideo({ id: video.video_id, key: video.key }, titleOf(video.key), context, {
      going: () => {
        this.#following.abort(); // else it would be asked for after it is gone
        going(true);
      },
      gone: () => this.element.remove(),
      kept: () => {
        going(false);
        void this.#follow();
      },
    });
  }
}

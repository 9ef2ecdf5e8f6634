/**
 * @file One video: the player, why it was found, what is like it.
 */

import { isAbort } from "../api.js";
import { append, fill, h } from "../dom.js";
import { evidencePanel } from "../evidence.js";
import { clock, titleOf } from "../i18n.js";
import { icon } from "../icons.js";
import { findVideo } from "../lookup.js";
import { stopPreview } from "../player.js";
import { neighbours } from "../playlist.js";
import { poll } from "../polling.js";
import { poster } from "../poster.js";
import { moments } from "../reasons.js";
import { address, narrowing } from "../router.js";
import { fingerprint, isSettled } from "../stages.js";
import { failure, posterSkeletons } from "../states.js";

/** @typedef {import("../types.js").Context} Context */
/** @typedef {import("../types.js").Video} Video */
/** @typedef {import("../types.js").Result} Result */

const RENEWED = 1_800_000; // milliseconds: within them a link does not run out
const SIMILAR = 12;
const DEEP = 50; // results among which the reason for this video is looked for

/** @type {import("../types.js").Render} */
export async function render(root, params, context) {
  const { api, t, signal, title, memory } = context;
  const id = params.get("video") ?? "";
  const at = Math.max(0, Number(params.get("t")) || 0);
  title(t("video.title"));
  const page = h("div", { class: "watch" }, h("div", { class: "watch-stage skeleton" }), h("div", { class: "watch-side" }, h("div", { class: "skeleton skeleton-line" })));
  fill(root, page);
  let video;
  try {
    video = /** @type {Video | undefined} */ (memory.video) ?? (await api.video(id, { signal }));
  } catch (error) {
    if (!isAbort(error)) fill(root, failure(error, t, () => void render(root, params, context)));
    return undefined;
  }
  memory.video = video;
  const name = titleOf(video.key);
  title(name);

  const player = stage(video, /** @type {number | undefined} */ (memory.time) ?? at, context);
  const jump = (/** @type {number} */ seconds) => {
    player.seek(seconds);
    player.element.scrollIntoView({ block: "nearest", behavior: "smooth" });
  };
  const why = h("section", { class: "watch-why" });
  const stages = h("section", { class: "watch-stages" });
  const similar = h("section", { class: "watch-similar" });
  fill(
    root,
    h(
      "div",
      { class: "watch" },
      player.element,
      h(
        "div",
        { class: "watch-side stack" },
        h("div", { class: "stack-s" }, h("h1", null, name), h("div", { class: "cluster" }, onwards(id, t), copyButton(video, player, params, context))),
        why,
        stages,
      ),
    ),
    similar,
  );
  const showAlike = () => showSimilar(similar, id, context);
  showStages(stages, video, context, () => void showAlike());
  await Promise.all([explainWhy(why, params, context, { id, jump, mark: player.mark }), video.state === "searchable" && showAlike()]);
  return () => {
    memory.time = player.time();
    stopPreview();
    player.release();
  };
}

/**
 * The player, with the moments that match on a line below it.
 * @param {Video} video
 * @param {number} at
 * @param {Context} context
 */
function stage(video, at, { api, t, signal }) {
  const media = h("video", {
    class: "watch-video",
    controls: true,
    playsinline: true,
    loop: true,
    preload: "auto",
    poster: video.thumbnail_url,
    "aria-label": t("video.player", { title: titleOf(video.key) }),
  });
  const line = h("div", { class: "moments-line" });
  const wrong = h("p", { class: "watch-wrong", role: "alert", hidden: true }, t("video.failed"));
  let renewed = -Infinity;
  media.addEventListener("error", async () => {
    if (signal.aborted) return;
    const playing = !media.paused;
    // A link works for an hour: the page may have been open for longer. One that breaks sooner is not what is wrong.
    const fresh = performance.now() - renewed < RENEWED ? null : await api.video(video.video_id, { signal }).catch(() => null);
    if (signal.aborted) return;
    renewed = performance.now();
    wrong.hidden = fresh !== null;
    if (fresh === null) return;
    media.src = `${fresh.video_url}#t=${media.currentTime || at}`;
    if (playing) void media.play().catch(() => undefined);
  });
  media.addEventListener(
    "loadedmetadata",
    () => {
      if (at > 0 && Math.abs(media.currentTime - at) > 0.3) media.currentTime = Math.min(at, Math.max(0, media.duration - 0.2));
      // With sound where the browser lets it: somebody has just tapped to get here. Without, where not.
      media.play().catch((error) => {
        if (error.name !== "NotAllowedError") return; // paused, or left, before it played
        media.muted = true;
        media.play().catch(() => undefined);
      });
    },
    { once: true },
  );
  media.src = at > 0 ? `${video.video_url}#t=${at}` : video.video_url;
  const seek = (/** @type {number} */ seconds) => {
    media.currentTime = seconds;
    void media.play().catch(() => undefined);
  };
  const element = h("div", { class: "watch-stage" }, h("div", { class: "watch-frame" }, media, wrong), line);
  const shape = (/** @type {number} */ width, /** @type {number} */ height) => {
    if (width <= 0 || height <= 0) return;
    element.style.setProperty("--w", String(width));
    element.style.setProperty("--h", String(height));
  };
  shape(video.width ?? 0, video.height ?? 0);
  media.addEventListener("loadedmetadata", () => shape(media.videoWidth, media.videoHeight)); // as it is turned
  return {
    element,
    seek,
    time: () => media.currentTime,
    release: () => {
      media.pause();
      media.removeAttribute("src");
      media.load();
    },
    /** @param {Result} result */
    mark: (result) => {
      const duration = video.duration ?? 0;
      if (duration <= 0) return;
      fill(
        line,
        moments(result).map(({ modality, time }) =>
          h("button", {
            type: "button",
            class: `moment-mark time-${modality}`,
            style: { left: `${Math.min(99, (100 * time) / duration)}%` },
            "aria-label": t("moment.jump", { time: clock(time), modality: t(`modality.${modality}`) }),
            title: clock(time),
            on: { click: () => seek(time) },
          }),
        ),
      );
    },
  };
}

/**
 * The way to the results before and after this one.
 * @param {string} id
 * @param {import("../types.js").Translate} t
 */
function onwards(id, t) {
  const near = neighbours(id);
  if (near === null) return null;
  const link = (/** @type {string | null} */ href, /** @type {"back" | "forward"} */ drawn, /** @type {string} */ label) =>
    href === null
      ? h("span", { class: "icon-button is-off", "aria-hidden": "true" }, icon(drawn))
      : h("a", { class: "icon-button", href, data: { replace: "" }, "aria-label": label, title: label }, icon(drawn));
  return h(
    "nav",
    { class: "onwards", "aria-label": t("video.results") },
    link(near.previous, "back", t("video.previous")),
    h("span", { class: "onwards-place" }, t("video.place", { place: near.place, of: near.of })),
    link(near.next, "forward", t("video.next")),
  );
}

/**
 * @param {Video} video
 * @param {{time: () => number}} player
 * @param {URLSearchParams} params
 * @param {Context} context
 */
function copyButton(video, player, params, { t, toast }) {
  const copy = async () => {
    const seconds = Math.round(player.time() * 10) / 10;
    const link = new URL(address({ video: video.video_id, t: seconds || null, q: params.get("q") }), location.origin).href;
    try {
      if (navigator.share && matchMedia("(pointer: coarse)").matches) await navigator.share({ url: link });
      else {
        await navigator.clipboard.writeText(link);
        toast(t("video.copied"));
      }
    } catch (error) {
      if (!isAbort(error)) toast(link);
    }
  };
  return h("button", { type: "button", class: "button small", on: { click: () => void copy() } }, icon("link"), t("video.link"));
}

/**
 * Shows why the video was found, if it was looked for.
 * @param {HTMLElement} why
 * @param {URLSearchParams} params
 * @param {Context} context
 * @param {{id: string, jump: (seconds: number) => void, mark: (result: Result) => void}} about
 */
async function explainWhy(why, params, { api, t, signal, memory }, { id, jump, mark }) {
  const q = params.get("q");
  if (!q) return;
  try {
    const known = /** @type {Result | undefined} */ (memory.result);
    const found = known ?? (await api.search({ q, ...narrowing(params), k: DEEP, collapse: false }, { signal })).results.find(({ video_id }) => video_id === id);
    if (!found) return;
    memory.result = found;
    mark(found);
    append(why, [
      h(
        "div",
        { class: "panel stack" },
        h("div", { class: "why-head" }, h("h2", null, t("evidence.title")), h("a", { class: "chip", href: address({ q, ...narrowing(params) }) }, icon("search"), h("span", null, q))),
        evidencePanel(found, { t, jump }),
      ),
    ]);
  } catch {
    // The video is there; why it was found is an extra.
  }
}

/**
 * Shows what is known of the video, and goes on looking while it is being indexed.
 * @param {HTMLElement} section
 * @param {Video} video
 * @param {Context} context
 * @param {() => void} onSearchable it can be found now
 */
function showStages(section, video, { api, t, signal }, onSearchable) {
  const draw = (/** @type {Video} */ now) =>
    fill(
      section,
      h(
        "details",
        { class: "stages", open: now.state === "indexing" || now.state === "failed" },
        h("summary", null, t(now.state === "indexing" ? "video.indexing" : "video.stages"), icon("down")),
        h(
          "ul",
          { class: "stage-list" },
          now.stages.map(({ stage: name, state, reason }) =>
            h(
              "li",
              { class: `stage stage-${state}` },
              h("span", null, t(`stage.${name}`)),
              h("span", { class: "stage-state" }, t(`stage.state.${state}`)),
              (state === "failed" || state === "dead" || state === "unavailable") && reason ? h("span", { class: "stage-reason" }, reason) : null,
            ),
          ),
        ),
      ),
    );
  draw(video);
  if (isSettled(video)) return;
  let last = video;
  void poll(
    async () => {
      const now = await findVideo(api, { id: video.video_id, key: video.key }, { signal });
      if (now === null) return "done"; // deleted meanwhile
      if (fingerprint(now) === fingerprint(last)) return "same";
      if (now.state === "searchable" && last.state !== "searchable") onSearchable();
      last = now;
      draw(now);
      return isSettled(now) ? "done" : "changed";
    },
    { signal },
  );
}

/**
 * @param {HTMLElement} section
 * @param {string} id
 * @param {Context} context
 */
async function showSimilar(section, id, { api, t, signal, memory }) {
  const heading = h("h2", { class: "section-title" }, t("similar.title"));
  try {
    const known = /** @type {Result[] | undefined} */ (memory.similar);
    if (!known) fill(section, heading, posterSkeletons(6));
    const results = known ?? (await api.similar(id, { k: SIMILAR }, { signal })).results;
    memory.similar = results;
    fill(
      section,
      results.length > 0 && [
        heading,
        h("ul", { class: "grid grid-tight" }, results.map((result) => h("li", null, poster(result, { t, href: address({ video: result.video_id }) })))),
      ],
    );
  } catch (error) {
    // Nothing of it is indexed yet, or the service does not answer: the video is there all the same.
    if (!isAbort(error)) fill(section);
  }
}

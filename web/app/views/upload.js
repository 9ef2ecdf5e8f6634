/**
 * @file Uploading: files dropped or chosen, how far each is, and what becomes of it until it can be found.
 */

import { inWords } from "../api.js";
import { deleteVideo } from "../deletion.js";
import { append, fill, h } from "../dom.js";
import { addMessages, byteSize, titleOf } from "../i18n.js";
import { icon } from "../icons.js";
import { findVideo } from "../lookup.js";
import { manage } from "../messages/manage.js";
import { poll } from "../polling.js";
import { picture } from "../poster.js";
import { address } from "../router.js";
import { signInForm } from "../sign-in.js";
import { brokenStages, fingerprint, isSettled, stageRow } from "../stages.js";
import { Uploads, sendForm } from "../uploads.js";

/** @typedef {import("../types.js").Context} Context */
/** @typedef {import("../uploads.js").Upload} Upload */

addMessages(manage);

const ACCEPTED = "video/*,.mkv,.flv,.avi,.ts,.wmv,.mpg,.mpeg,.3gp,.mov,.webm";
const LATEST = 120_000; // milliseconds from its arrival, after which a video that the index does not know is given up on

/** The uploads go on in other views, so they outlive this one. @type {Uploads | null} */
let uploads = null;

/** Looks at what was settled, one after the other: a hundred at once are more than the API lets through. */
let looks = Promise.resolve();

/** @type {import("../types.js").Render} */
export async function render(root, _params, context) {
  const { t, title, session, signal } = context;
  title(t("upload.title"));
  await session.ready;
  if (signal.aborted) return;
  const body = h("div", { class: "stack" });
  append(root, [h("header", { class: "page-head" }, h("div", { class: "stack-s" }, h("h1", null, t("upload.title")), h("p", { class: "lead" }, t("upload.lead")))), body]);
  /** @type {string | null} */
  let drawn = null;
  let leave = new AbortController(); // what was drawn before, with all that it listens to
  signal.addEventListener("abort", () => leave.abort());
  const draw = () => {
    const allowed = session.can("upload");
    const state = [allowed, ...(allowed ? [session.can("edit")] : session.scopes)].join(" ");
    if (state === drawn) return; // a key that was refused changes nothing, and what is said about it stays
    drawn = state;
    leave.abort();
    leave = new AbortController();
    if (allowed) uploader(body, { ...context, signal: leave.signal });
    else fill(body, signInForm({ title: t("upload.sign_in"), text: t("upload.sign_in.text"), scope: "upload" }, context));
  };
  session.addEventListener("change", draw, { signal });
  draw();
}

/** @param {Context} context */
function theUploads({ api }) {
  if (uploads === null) {
    let storage = null;
    try {
      storage = sessionStorage;
    } catch {
      // switched off
    }
    const started = new Uploads({ ticket: (file, options) => api.createUpload(file, options), send: sendForm, storage });
    uploads = started;
    window.addEventListener("beforeunload", (event) => started.busy && event.preventDefault());
  }
  return uploads;
}

/**
 * @param {HTMLElement} body
 * @param {Context} context
 */
function uploader(body, context) {
  const { t, signal, announce, toast } = context;
  const all = theUploads(context);
  const input = h("input", { type: "file", class: "visually-hidden", id: "files", multiple: true, accept: ACCEPTED, tabindex: "-1", "aria-hidden": "true" });
  const choose = h("button", { type: "button", class: "button primary", on: { click: () => input.click() } }, icon("plus"), t("upload.choose"));
  const words = h("p", { class: "dropzone-title" }, t("upload.drop"));
  const zone = h("section", { class: "dropzone", "aria-label": t("upload.drop") }, h("div", { class: "dropzone-mark" }, icon("upload")), words, choose, h("p", { class: "hint" }, t("upload.kinds")), input);
  const list = h("ul", { class: "uploads", "aria-label": t("upload.list") });
  const section = h("section", { class: "stack-s" }, h("h2", null, t("upload.list")), list);
  fill(body, zone, section);

  const add = (/** @type {Iterable<File>} */ files) => {
    const given = [...files];
    // What the system knows to be something else is not worth the way; the rest, the server judges.
    const others = given.filter(({ type }) => type !== "" && !type.startsWith("video/") && type !== "application/octet-stream");
    if (others.length > 0) toast(t("upload.not_videos", { names: others.map(({ name }) => name).join(", ") }), { kind: "error" });
    all.add(given.filter((file) => !others.includes(file)));
  };
  input.addEventListener("change", () => {
    add(input.files ?? []);
    input.value = "";
  });

  // The whole window takes files: whoever misses the field would leave the page otherwise.
  let depth = 0;
  const over = (/** @type {boolean} */ is) => {
    zone.classList.toggle("is-over", is);
    words.textContent = t(is ? "upload.drop.now" : "upload.drop");
  };
  const carriesFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files") ?? false;
  window.addEventListener("dragenter", (event) => carriesFiles(event) && (event.preventDefault(), (depth += 1), over(true)), { signal });
  window.addEventListener("dragover", (event) => carriesFiles(event) && event.preventDefault(), { signal });
  window.addEventListener("dragleave", (event) => carriesFiles(event) && (depth = Math.max(0, depth - 1)) === 0 && over(false), { signal });
  window.addEventListener(
    "drop",
    (event) => {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      depth = 0;
      over(false);
      add(event.dataTransfer?.files ?? []);
    },
    { signal },
  );

  /** @type {Map<Upload, Row>} */
  const rows = new Map();
  const drawList = () => {
    section.hidden = all.items.length === 0;
    zone.classList.toggle("is-small", all.items.length > 0);
    for (const [item, row] of rows) {
      if (all.items.includes(item)) continue;
      row.element.remove();
      rows.delete(item);
    }
    all.items.forEach((item, at) => {
      let row = rows.get(item);
      if (row === undefined) {
        row = new Row(item, all, context);
        rows.set(item, row);
      }
      if (list.children[at] !== row.element) list.insertBefore(row.element, list.children[at] ?? null);
    });
  };
  all.addEventListener(
    "change",
    (event) => {
      const item = /** @type {CustomEvent<Upload | null>} */ (event).detail;
      if (item === null) drawList();
      else rows.get(item)?.update(announce);
    },
    { signal },
  );
  drawList();
}

/** One upload on the list. */
class Row {
  #state = h("p", { class: "upload-state" });
  #bar = h("div", { class: "progress", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100 }, h("span"));
  #stages = h("div", { class: "upload-stages" });
  #tools = h("div", { class: "upload-tools" });
  #picture = h("div", { class: "upload-picture", "aria-hidden": "true" }, icon("frame"));
  #drawn = "";
  #said = "";
  #following = false;

  /**
   * @param {Upload} item
   * @param {Uploads} all
   * @param {Context} context
   */
  constructor(item, all, context) {
    this.item = item;
    this.all = all;
    this.context = context;
    this.#bar.setAttribute("aria-label", item.name);
    const size = byteSize(item.size, context.language);
    this.element = h(
      "li",
      { class: "upload", data: { name: item.name } },
      this.#picture,
      h("div", { class: "upload-text" }, h("p", { class: "upload-name" }, h("span", { dir: "auto" }, item.name), h("span", { class: "hint" }, size)), this.#state, this.#bar, this.#stages),
      this.#tools,
    );
    this.update();
    // Also what was settled when it was seen last may have been deleted meanwhile.
    if (item.state === "arrived" && !this.#following) looks = looks.then(() => (context.signal.aborted || this.#following ? undefined : this.#follow()));
  }

  /** @param {(message: string) => void} [announce] */
  update(announce) {
    const { item, context } = this;
    const { t } = context;
    const percent = Math.round(item.sent * 100);
    this.#bar.style.setProperty("--done", String(item.sent));
    this.#bar.setAttribute("aria-valuenow", String(percent));
    if (item.state === "sending") this.#state.textContent = t("upload.sending", { percent });
    const drawn = [item.state, item.video && fingerprint(item.video), item.going, String(item.error)].join(" ");
    if (drawn !== this.#drawn) {
      this.#drawn = drawn;
      this.#draw(announce);
    }
    if (item.state === "arrived" && !this.#following && !(item.video && isSettled(item.video))) void this.#follow();
  }

  /** @param {((message: string) => void) | undefined} announce */
  #draw(announce) {
    const { item, context } = this;
    const { t, session } = context;
    const { name, video, videoId, going } = item;
    const look = status(item);
    this.element.dataset.status = look;
    this.#bar.hidden = item.state !== "sending";
    if (going) this.#state.textContent = t("delete.going");
    else if (look === "error") this.#state.textContent = t("upload.failed", { reason: inWords(item.error, t) });
    else if (look !== "sending") this.#state.textContent = t(`upload.${look}`);
    fill(this.#stages, video && stageRow(video, t("upload.stages", { name }), t), video && brokenStages(video, t));
    if (video?.thumbnail_url && !this.#picture.querySelector("img")) fill(this.#picture, picture(video.thumbnail_url));
    const button = (/** @type {import("../icons.js").IconName} */ mark, /** @type {string} */ label, /** @type {() => void} */ click) =>
      h("button", { type: "button", class: "icon-button", "aria-label": label, title: label, disabled: going, on: { click } }, icon(mark));
    const remove = () => this.all.remove(item);
    fill(
      this.#tools,
      videoId !== null && (look === "searchable" || look === "more") && h("a", { class: "button small primary", href: address({ video: videoId }), "aria-label": `${t("upload.watch")}: ${name}` }, icon("play"), t("upload.watch")),
      item.state === "waiting" || item.state === "sending" ? button("close", t("upload.cancel", { name }), remove) : null,
      (item.state === "failed" || item.state === "gone") && [item.state === "failed" && item.file && button("retry", t("upload.retry", { name }), () => this.all.again(item)), button("close", t("upload.dismiss", { name }), remove)],
      item.state === "arrived" && (videoId !== null && video !== null && session.can("edit") ? button("delete", t("delete.label", { name }), () => this.#delete(videoId)) : button("close", t("upload.dismiss", { name }), remove)),
    );
    const news = look === "searchable" || look === "more" ? "searchable" : look === "error" || look === "unusable" ? "failed" : "";
    if (announce && news && news !== this.#said) announce(t(`upload.announce.${news}`, { name }));
    this.#said = news;
  }

  /** Looks at the video until nothing more comes. */
  async #follow() {
    const { item, all, context } = this;
    const { api, signal } = context;
    const { videoId } = item;
    if (videoId === null) return;
    this.#following = true;
    await poll(
      async () => {
        if (!all.items.includes(item)) return "done";
        if (item.going) return "same"; // what deletes it looks at it
        const video = await findVideo(api, { id: videoId, key: item.key }, { signal });
        if (item.going || signal.aborted) return "same";
        if (video === null) {
          // Not known yet, or not any more: somebody has deleted it.
          if (item.video === null && Date.now() - item.arrived < LATEST) return "changed";
          all.lose(item);
          return "done";
        }
        const before = item.video && fingerprint(item.video);
        all.know(item, video);
        if (isSettled(video)) return "done";
        return fingerprint(video) === before ? "same" : "changed";
      },
      { signal, first: 700, most: 8000 },
    );
    this.#following = false;
  }

  /** @param {string} id */
  #delete(id) {
    const { item, all } = this;
    // It is followed until it is gone in other views as well, like the upload itself.
    const context = { ...this.context, signal: item.abort.signal };
    void deleteVideo({ id, key: item.key }, titleOf(item.name), context, { going: () => all.deleting(item, true), gone: () => all.remove(item), kept: () => all.deleting(item, false) });
  }
}

/**
 * In what state somebody would say an upload is.
 * @param {Upload} item
 * @returns {"waiting" | "sending" | "error" | "arrived" | "gone" | "indexing" | "searchable" | "more" | "empty" | "unusable"}
 */
function status({ state, video }) {
  if (state === "waiting" || state === "sending" || state === "gone") return state;
  if (state === "failed") return "error";
  if (video === null) return "arrived";
  if (video.state === "failed") return "unusable";
  if (video.state === "empty") return "empty";
  if (video.state === "searchable") return isSettled(video) ? "searchable" : "more";
  return "indexing";
}

/**
 * @file Posters that play: without sound, from the moment that matches, one at a time.
 */

import { h } from "./dom.js";

/** @typedef {{url: string, at: number, until?: number}} Clip `at` and `until` are seconds */

const LENGTH = 6; // seconds that are played again and again: long enough to see, short enough to stay with the moment
const INTENT = 110; // milliseconds that a pointer rests before something plays: less is passing by

/** @type {{poster: HTMLElement, stop: () => void} | null} */
let playing = null;

/** Posters whose clip could not be played. @type {WeakSet<HTMLElement>} */
const unplayable = new WeakSet();

/** Stops what is playing, and lets go of its connection. */
export function stopPreview() {
  playing?.stop();
}

/**
 * Plays a clip inside its poster.
 * @param {HTMLElement} poster
 * @param {Clip} clip
 */
export function playPreview(poster, { url, at, until }) {
  stopPreview();
  const end = Math.max(until ?? 0, at + LENGTH);
  const video = h("video", { class: "preview", playsinline: true, muted: true, preload: "auto", "aria-hidden": "true", disablepictureinpicture: true });
  const line = h("span", { class: "preview-line", "aria-hidden": "true" });
  const left = new AbortController();
  const stop = () => {
    if (playing?.poster !== poster) return;
    playing = null;
    left.abort();
    poster.classList.remove("is-playing", "is-waiting");
    video.pause();
    video.removeAttribute("src");
    video.load();
    video.remove();
    line.remove();
  };
  const again = () => {
    video.currentTime = at;
    void video.play().catch(() => undefined);
  };
  video.muted = true;
  video.addEventListener("loadedmetadata", () => {
    // Not every server lets a fragment of the address do it.
    if (Math.abs(video.currentTime - at) > 0.3) video.currentTime = Math.min(at, Math.max(0, video.duration - 0.2));
  });
  video.addEventListener("playing", () => {
    poster.classList.add("is-playing");
    poster.classList.remove("is-waiting");
  });
  video.addEventListener("waiting", () => poster.classList.add("is-waiting"));
  video.addEventListener("timeupdate", () => {
    const last = Math.min(end, video.duration || end);
    line.style.setProperty("--done", String(Math.min(1, Math.max(0, (video.currentTime - at) / Math.max(0.1, last - at)))));
    if (video.currentTime >= end) again();
  });
  video.addEventListener("ended", again);
  video.addEventListener("error", () => {
    unplayable.add(poster);
    stop();
  });
  playing = { poster, stop };
  poster.classList.add("is-waiting");
  poster.append(video, line);
  const seen = new IntersectionObserver((entries) => {
    if (entries.some(({ isIntersecting }) => !isIntersecting)) stop();
  });
  left.signal.addEventListener("abort", () => seen.disconnect());
  seen.observe(poster);
  video.src = `${url}#t=${at}`;
  void video.play().catch(() => undefined);
}

/**
 * Lets a link with a poster play: under a mouse that rests on it, with the focus of the keyboard, and at the first tap; the
 * second tap follows the link, and so does the first one where it cannot play. People who want less motion get none that they did not ask for.
 * @param {HTMLAnchorElement} link
 * @param {() => Clip} clip
 */
export function playsOnDemand(link, clip) {
  const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
  let timer = 0;
  link.addEventListener("pointerenter", (event) => {
    if (event.pointerType !== "mouse" || calm()) return;
    timer = window.setTimeout(() => playPreview(link, clip()), INTENT);
  });
  link.addEventListener("pointerleave", (event) => {
    if (event.pointerType !== "mouse") return;
    clearTimeout(timer);
    if (playing?.poster === link) stopPreview();
  });
  link.addEventListener("focus", () => {
    if (link.matches(":focus-visible") && !calm()) playPreview(link, clip());
  });
  link.addEventListener("blur", () => {
    clearTimeout(timer);
    if (playing?.poster === link) stopPreview();
  });
  link.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && playing?.poster === link) stopPreview();
  });
  link.addEventListener("click", (event) => {
    clearTimeout(timer);
    const touched = event instanceof PointerEvent && event.pointerType === "touch";
    if (touched && playing?.poster !== link && !unplayable.has(link)) {
      event.preventDefault();
      playPreview(link, clip());
    }
  });
}

/** @param {HTMLElement} poster */
export function isPlaying(poster) {
  return playing?.poster === poster;
}

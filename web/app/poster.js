/**
 * @file A poster: the picture of a video in a frame of nine by sixteen, which is a link and plays.
 */

import { h } from "./dom.js";
import { clock, titleOf } from "./i18n.js";
import { icon } from "./icons.js";
import { playsOnDemand } from "./player.js";

/**
 * Draws a poster.
 * @param {import("./types.js").Card} card
 * @param {{href: string, t: import("./types.js").Translate, at?: number, label?: string, badges?: import("./dom.js").Child,
 *   eager?: boolean}} options `at`: the second it is played from; `label`: what the link is called, the title without it;
 *   `eager`: the picture is seen first
 */
export function poster(card, { href, t, at = 0, label, badges, eager = false }) {
  const title = titleOf(card.key);
  const link = h(
    "a",
    { class: "poster", href },
    label !== undefined && h("span", { class: "visually-hidden" }, label),
    h("span", { class: "poster-title", "aria-hidden": label === undefined ? null : "true" }, title),
    picture(card.thumbnail_url, eager),
    h("span", { class: "poster-shade", "aria-hidden": "true" }),
    h(
      "span",
      { class: "poster-badges", "aria-hidden": "true" },
      at > 0.5 && h("span", { class: "badge badge-moment" }, icon("play"), clock(at)),
      card.duration !== null && h("span", { class: "badge badge-duration" }, clock(card.duration)),
    ),
    badges,
    h("span", { class: "poster-open badge", "aria-hidden": "true" }, t("poster.open"), icon("forward")),
  );
  playsOnDemand(link, () => ({ url: card.video_url, at }));
  return link;
}

/**
 * Draws a picture that fades in when it is there, and is left out if it does not come. It holds nothing up.
 * @param {string | null} address
 * @param {boolean} [eager] not only when it comes near
 */
export function picture(address, eager = false) {
  if (address === null) return null;
  const image = h("img", { alt: "", loading: eager ? null : "lazy", fetchpriority: eager ? "high" : null, decoding: "async", width: 360, height: 640, draggable: "false" });
  const shown = () => image.classList.add("is-there");
  image.addEventListener("load", shown);
  image.addEventListener("error", () => image.remove());
  image.src = address;
  if (image.complete && image.naturalWidth > 0) shown();
  return image;
}

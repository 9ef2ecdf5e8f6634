/** @file A face in a circle. */

import { h } from "./dom.js";
import { icon } from "./icons.js";

/**
 * Draws a portrait; the outline of somebody where there is no picture of them.
 * @param {string | null} url
 * @param {string} [className]
 */
export function portrait(url, className = "") {
  const circle = h("span", { class: `portrait ${className}`.trim(), "aria-hidden": "true" }, icon("person"));
  if (url !== null) {
    const image = h("img", { alt: "", loading: "lazy", decoding: "async", width: 160, height: 160, draggable: "false" });
    image.addEventListener("load", () => image.classList.add("is-there"));
    image.addEventListener("error", () => image.remove());
    image.src = url;
    circle.append(image);
  }
  return circle;
}

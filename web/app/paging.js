/**
 * @file Lists that come in pages: the next one as its place comes near, and by a button for those who do not scroll.
 */

import { inWords, isAbort } from "./api.js";
import { fill, h } from "./dom.js";

const AHEAD = "800px"; // a screen before the end: on a good line nobody sees the button

/**
 * Shows below a list what leads to its next page, or nothing after the last.
 * @param {HTMLElement} foot
 * @param {number | null} offset of the next page
 * @param {(offset: number) => Promise<number | null>} load adds that page to the list, and says where the one after it begins
 * @param {{t: import("./types.js").Translate, signal: AbortSignal}} context
 */
export function furtherPages(foot, offset, load, { t, signal }) {
  if (offset === null) {
    fill(foot);
    return;
  }
  const problem = h("p", { class: "field-error", role: "alert" });
  const more = h("button", { type: "button", class: "button" }, t("action.more"));
  let loading = false;
  const next = async () => {
    if (loading) return;
    loading = true;
    near.disconnect(); // after a failure, only the button tries again
    problem.textContent = "";
    try {
      furtherPages(foot, await load(offset), load, { t, signal });
    } catch (error) {
      if (!isAbort(error)) problem.textContent = inWords(error, t);
    }
    loading = false;
  };
  const near = new IntersectionObserver((entries) => entries.some(({ isIntersecting }) => isIntersecting) && void next(), { rootMargin: AHEAD });
  more.addEventListener("click", () => void next());
  signal.addEventListener("abort", () => near.disconnect());
  fill(foot, problem, more);
  near.observe(more);
}

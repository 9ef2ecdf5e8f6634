/**
 * @file Looking again and again at something that changes: less often while nothing happens, not at all while nobody sees it.
 */

/**
 * @typedef {object} Rhythm
 * @property {AbortSignal} signal ends it
 * @property {number} [first] milliseconds until the second look, and after every change
 * @property {number} [most] milliseconds between two looks at most
 * @property {number} [growth] how much longer every wait in which nothing changed makes the next
 * @property {{hidden: boolean} & Pick<EventTarget, "addEventListener" | "removeEventListener">} [page] what tells whether
 *   anybody is looking
 * @property {(run: () => void, milliseconds: number) => unknown} [later]
 */

/**
 * Looks until there is nothing more to come.
 *
 * `look` says what it saw: `done` ends it, `changed` begins with short waits again, `same` prolongs them. One that throws has
 * seen nothing: it is done again later, unless `signal` was aborted.
 *
 * @param {() => Promise<"done" | "changed" | "same">} look
 * @param {Rhythm} rhythm
 * @returns {Promise<void>} when it is over, for whatever reason
 */
export async function poll(look, { signal, first = 1000, most = 10_000, growth = 1.5, page = document, later = setTimeout }) {
  let wait = first;
  while (!signal.aborted) {
    const seen = await look().catch(() => /** @type {const} */ ("same"));
    if (seen === "done" || signal.aborted) return;
    wait = seen === "changed" ? first : Math.min(most, wait * growth);
    await pause(wait, signal, later);
    await visible(page, signal);
  }
}

/**
 * @param {number} milliseconds
 * @param {AbortSignal} signal
 * @param {(run: () => void, milliseconds: number) => unknown} later
 * @returns {Promise<void>}
 */
function pause(milliseconds, signal, later) {
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
    later(() => resolve(), milliseconds);
  });
}

/**
 * @param {NonNullable<Rhythm["page"]>} page
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
function visible(page, signal) {
  return new Promise((resolve) => {
    const look = () => {
      if (page.hidden && !signal.aborted) return;
      page.removeEventListener("visibilitychange", look);
      resolve();
    };
    page.addEventListener("visibilitychange", look);
    signal.addEventListener("abort", look, { once: true });
    look();
  });
}

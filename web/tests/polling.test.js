import assert from "node:assert/strict";
import { test } from "node:test";

import { poll } from "../app/polling.js";

/** A page that can be hidden, and a clock that notes the waits and lets none of them last. */
function stage() {
  const page = Object.assign(new EventTarget(), { hidden: false });
  /** @type {number[]} */
  const waits = [];
  const later = (/** @type {() => void} */ run, /** @type {number} */ milliseconds) => {
    waits.push(milliseconds);
    setImmediate(run);
  };
  return { page, waits, later };
}

test("waits grow while nothing changes, and are short again after a change", async () => {
  const { page, waits, later } = stage();
  /** @type {("same" | "changed" | "done")[]} */
  const seen = ["same", "same", "same", "changed", "same", "done"];
  const { signal } = new AbortController();
  await poll(async () => seen.shift() ?? "done", { signal, first: 100, most: 250, growth: 2, page, later });
  assert.deepEqual(waits, [200, 250, 250, 100, 200]);
});

test("a look that fails is taken again", async () => {
  const { page, later } = stage();
  let looks = 0;
  await poll(
    async () => {
      looks += 1;
      if (looks < 3) throw new Error("no answer");
      return "done";
    },
    { signal: new AbortController().signal, page, later },
  );
  assert.equal(looks, 3);
});

test("nothing is asked while nobody is looking", async () => {
  const { page, later } = stage();
  let looks = 0;
  page.hidden = true;
  const over = poll(async () => (++looks === 2 ? "done" : "same"), { signal: new AbortController().signal, page, later });
  for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
  assert.equal(looks, 1);
  page.hidden = false;
  page.dispatchEvent(new Event("visibilitychange"));
  await over;
  assert.equal(looks, 2);
});

test("leaving ends it, in the middle of a wait too", async () => {
  const { page } = stage();
  const leave = new AbortController();
  let looks = 0;
  const over = poll(async () => (++looks, "same"), { signal: leave.signal, page, later: () => undefined });
  await new Promise(setImmediate);
  leave.abort();
  await over;
  assert.equal(looks, 1);
});

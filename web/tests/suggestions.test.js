import assert from "node:assert/strict";
import { test } from "node:test";

import { withRecent } from "../app/recents.js";
import { completion, merge, Suggestions } from "../app/suggestions.js";

/** @typedef {import("../app/suggestions.js").Offer} Offer */
/** @param {string} text @returns {Offer} */
const offer = (text) => ({ text, source: "caption" });

/** A promise that somebody else settles. */
function deferred() {
  /** @type {(value?: unknown) => void} */
  let resolve = () => undefined;
  const promise = new Promise((settle) => (resolve = settle));
  return { promise, resolve };
}

test("what was typed stays plain, what completes it stands out, in any order of the words", () => {
  const bold = (/** @type {string} */ text, /** @type {string} */ typed) =>
    completion(text, typed)
      .map(({ text: piece, typed: is }) => (is ? piece : `*${piece}*`))
      .join("");
  assert.equal(bold("Как варить борщ", "как ва"), "Как* *ва*рить** **борщ*");
  assert.equal(bold("утренняя зарядка", "зар"), "*утренняя** *зар*ядка*");
});

test("last queries come first and are not offered twice", () => {
  assert.deepEqual(
    merge([offer("Борщ"), offer("борщ с мясом")], ["борщ", "кот", "бор"], "бор").map(({ text, source }) => `${source} ${text}`),
    ["recent борщ", "caption борщ с мясом"],
  );
});

test("a query that is asked again moves to the front", () => {
  assert.deepEqual(withRecent(["кот", "Борщ", "слон"], "борщ"), ["борщ", "кот", "слон"]);
  assert.equal(withRecent(["1", "2", "3", "4", "5", "6"], "7").length, 6);
});

test("quick typing asks once, and a late answer to what was typed before is not shown", async () => {
  /** @type {string[]} */
  const asked = [];
  /** @type {string[][]} */
  const shown = [];
  /** @type {Map<string, (offers: Offer[]) => void>} */
  const waiting = new Map();
  const seen = deferred();
  const started = new Map(["как", "как в"].map((q) => [q, deferred()]));
  const suggestions = new Suggestions(
    (q) => {
      asked.push(q);
      started.get(q)?.resolve(undefined);
      return new Promise((resolve) => waiting.set(q, resolve));
    },
    (offers) => {
      shown.push(offers.map(({ text }) => text));
      seen.resolve(undefined);
    },
  );
  for (const text of ["к", "ка", "как"]) suggestions.ask(text, []);
  await started.get("как")?.promise;
  suggestions.ask("как в", []);
  await started.get("как в")?.promise;
  waiting.get("как")?.([offer("как раньше")]);
  waiting.get("как в")?.([offer("как варить борщ")]);
  await seen.promise;
  assert.deepEqual(asked, ["как", "как в"]);
  assert.deepEqual(shown, [["как варить борщ"]]);
});

test("what was asked before is known at once", async () => {
  let asked = 0;
  const seen = deferred();
  /** @type {string[][]} */
  const shown = [];
  const suggestions = new Suggestions(
    async () => {
      asked += 1;
      return [offer("борщ")];
    },
    (offers) => {
      shown.push(offers.map(({ text }) => text));
      seen.resolve(undefined);
    },
  );
  suggestions.ask("бо", []);
  await seen.promise;
  suggestions.ask("бо ", []);
  assert.equal(asked, 1);
  assert.deepEqual(shown, [["борщ"], ["борщ"]]);
});

test("an answer without suggestions is asked for again: there may be some by then", async () => {
  const answers = [[], [offer("борщ")], [offer("another")]];
  /** @type {string[][]} */
  const shown = [];
  const suggestions = new Suggestions(
    async () => answers.shift() ?? [],
    (offers) => void shown.push(offers.map(({ text }) => text)),
  );
  for (let turn = 0; turn < 3; turn += 1) {
    suggestions.ask("бор", []);
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
  assert.deepEqual(shown, [[], ["борщ"], ["борщ"]]); // and the one that has some is kept
});

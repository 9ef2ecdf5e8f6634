import assert from "node:assert/strict";
import { test } from "node:test";

import { explain } from "../app/explain.js";

/** @param {import("../app/types.js").Step[]} steps @param {string} corrected @returns {import("../app/types.js").Query} */
const query = (steps, corrected) => ({
  original: steps[0]?.before ?? corrected,
  corrected,
  translated: corrected,
  language: "ru",
  phrases: [],
  excluded: [],
  words: [],
  steps,
});

test("each repair can be taken back alone, or all of them, and the rest of the address stays", () => {
  const told = explain(
    query(
      [
        { step: "layout", before: "rjn", after: "кот" },
        { step: "translation", before: "кот", after: "cat" },
      ],
      "кот",
    ),
    new URLSearchParams("q=rjn&modality=ocr&offset=24"),
  );
  assert.equal(told.searched, "кот");
  assert.equal(told.repaired, true);
  assert.equal(String(told.repairs[0]?.undo), "q=rjn&modality=ocr&skip=layout");
  assert.equal(String(told.translation?.undo), "q=rjn&modality=ocr&skip=translation");
  assert.deepEqual(told.asTyped?.getAll("skip"), ["layout", "case", "transliteration", "splitting", "spelling"]);
  assert.equal(told.withAll, null);
});

test("a translation mends nothing: nobody is told that something else was searched for", () => {
  const told = explain(query([{ step: "translation", before: "слон", after: "elephant" }], "слон"), new URLSearchParams({ q: "слон" }));
  assert.equal(told.repaired, false);
  assert.equal(told.asTyped, null);
  assert.equal(told.translation?.after, "elephant");
});

test("capitals and ё alone are no repair worth telling", () => {
  const steps = [{ step: /** @type {const} */ ("case"), before: "кОТ ЁЛКА", after: "кот елка" }];
  assert.equal(explain(query(steps, "кот елка"), new URLSearchParams({ q: "кОТ ЁЛКА" })).repaired, false);
});

test("what was taken back stays taken back with the next one, and all of it can be had again", () => {
  const told = explain(
    query([{ step: "spelling", before: "rjn", after: "run" }], "run"),
    new URLSearchParams("q=rjn&skip=layout"),
  );
  assert.deepEqual(told.repairs[0]?.undo.getAll("skip"), ["layout", "spelling"]);
  assert.deepEqual(told.skipped, ["layout"]);
  assert.equal(String(told.withAll), "q=rjn");
});

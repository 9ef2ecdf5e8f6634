import assert from "node:assert/strict";
import { test } from "node:test";

import { excerpt, slices } from "../app/highlight.js";

/** @param {number} offset @param {number} length */
const mark = (offset, length, /** @type {number | null} */ start = null) => ({ offset, length, start, end: start });
/** @param {{text: string, marked: boolean}[]} cut */
const written = (cut) => cut.map(({ text, marked }) => (marked ? `[${text}]` : text)).join("");

test("offsets count code points: an emoji before a word does not shift its mark", () => {
  const text = "🥣👩‍🍳 Как варить борщ";
  const offset = Array.from(text).indexOf("б");
  assert.equal(written(slices(text, [mark(offset, 4)])), "🥣👩‍🍳 Как варить [борщ]");
});

test("marks come in order, overlapping ones are joined without a letter twice, and nothing is lost", () => {
  const cut = slices("один два три", [mark(9, 3), mark(0, 4), mark(2, 4)]);
  assert.equal(written(cut), "[один][ д]ва [три]");
  assert.equal(cut.map(({ text }) => text).join(""), "один два три");
});

test("a mark beyond the end marks what there is", () => {
  assert.equal(written(slices("борщ", [mark(2, 10), mark(40, 3)])), "бо[рщ]");
});

test("text that looks like HTML stays text", () => {
  assert.equal(written(slices("<b>борщ</b>", [mark(3, 4)])), "<b>[борщ]</b>");
});

test("a word knows when it is said", () => {
  assert.deepEqual(slices("да борщ", [mark(3, 4, 5.1)]).map(({ start }) => start), [null, 5.1]);
});

test("a long text is cut around its first mark, between words, and says so", () => {
  const text = `${"слово ".repeat(40)}борщ ${"ещё ".repeat(40)}`.trim();
  const offset = Array.from(text).indexOf("б");
  const cut = written(excerpt(text, [mark(offset, 4)], 60));
  assert.ok(cut.startsWith("…слово ") && cut.endsWith("…"), cut);
  assert.ok(cut.includes("[борщ]"), cut);
  assert.ok(Array.from(cut).length <= 66, cut);
});

test("a short text is left whole", () => {
  assert.equal(written(excerpt("Как варить борщ", [mark(11, 4)], 60)), "Как варить [борщ]");
});

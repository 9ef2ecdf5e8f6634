import assert from "node:assert/strict";
import { test } from "node:test";

import { isSeen, moments, parts, startOf } from "../app/reasons.js";

/** @param {Partial<import("../app/types.js").Result>} about @returns {import("../app/types.js").Result} */
const result = (about) => ({
  rank: 1,
  score: 3,
  video_id: "v",
  bucket: "b",
  key: "k.mp4",
  duration: 20,
  thumbnail_url: null,
  video_url: "http://127.0.0.1/k.mp4",
  evidence: [],
  frame: null,
  shares: {},
  contributions: {},
  matched: 0,
  confidence: 0.5,
  duplicates: 0,
  ...about,
});

/** @param {number} start @param {import("../app/types.js").Highlight[]} [highlights] @returns {import("../app/types.js").Evidence} */
const caption = (start, highlights = []) => ({
  modality: "ocr",
  text: "Как варить борщ",
  translation: "",
  start,
  end: start + 2,
  score: 1,
  highlights,
  translation_highlights: [],
});

test("a frame that speaks against the video is no reason, and nowhere to start", () => {
  const found = result({ frame: { time: 9, score: 0.2 }, contributions: { visual: -0.4, ocr: 2 }, evidence: [caption(4)] });
  assert.equal(isSeen(found), false);
  assert.deepEqual(moments(found), [{ modality: "ocr", time: 4 }]);
});

test("playing starts where the larger part of the score comes from", () => {
  const frame = { time: 9, score: 0.3 };
  assert.equal(startOf(result({ frame, contributions: { visual: 3, ocr: 1 }, evidence: [caption(4)] })), 9);
  assert.equal(startOf(result({ frame, contributions: { visual: 1, ocr: 1, words: 2 }, evidence: [caption(4)] })), 4);
});

test("a word that is said is played from where it is said", () => {
  const spoken = { ...caption(4, [{ offset: 11, length: 4, start: 5.1, end: 5.9 }]), modality: /** @type {const} */ ("speech") };
  assert.equal(startOf(result({ evidence: [spoken], contributions: { speech: 2 } })), 5.1);
});

test("moments that are next to each other are one", () => {
  const found = result({ frame: { time: 4.5, score: 0.3 }, contributions: { visual: 1, ocr: 2 }, evidence: [caption(4), caption(4.2), caption(11)] });
  assert.deepEqual(moments(found).map(({ time }) => time), [4, 11]);
});

test("a result for a picture has no parts: its closest frame is the reason", () => {
  assert.equal(startOf(result({ frame: { time: 2, score: 0.8 } })), 2);
});

test("a video without a frame and without a moment starts at its beginning", () => {
  assert.equal(startOf(result({})), 0);
});

test("the parts of a score are those that speak for it, and sum to one", () => {
  const made = parts({ ocr: 3, visual: -1, words: 1, faces: 9 });
  assert.deepEqual(made, [
    { part: "ocr", share: 0.75 },
    { part: "words", share: 0.25 },
  ]);
  assert.deepEqual(parts({ visual: -1 }), []);
});

import assert from "node:assert/strict";
import { test } from "node:test";

import { EndOfSpeech } from "../app/voice.js";

/** @param {(seconds: number) => number} level @returns {{ended: number, heard: boolean}} seconds */
function listen(level) {
  const end = new EndOfSpeech();
  let now = 0;
  while (!end.hear(level(now / 1000), now)) now += 50;
  return { ended: now / 1000, heard: end.heard };
}

const LOUD = 0.2;
const QUIET = 0.005;

test("a pause after speech ends the recording, a breath between words does not", () => {
  const { ended, heard } = listen((at) => (at < 1 || (at > 1.8 && at < 3) ? LOUD : QUIET));
  assert.ok(heard);
  assert.ok(ended > 4 && ended < 4.6, String(ended));
});

test("silence ends it too, and nothing was heard", () => {
  const { ended, heard } = listen(() => QUIET);
  assert.equal(heard, false);
  assert.ok(ended >= 5 && ended < 8, String(ended));
});

test("whoever does not stop is stopped before the API's fifteen seconds", () => {
  const { ended } = listen(() => LOUD);
  assert.ok(ended > 12 && ended < 15, String(ended));
});

import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { test } from "node:test";

import { ApiError, inWords } from "../app/api.js";
import { isSafeAddress } from "../app/dom.js";
import { byteSize, clock, titleOf, translator } from "../app/i18n.js";

const ru = translator("ru");
const en = translator("en");

test("every message is there in both languages, with the same gaps", async () => {
  const folder = new URL("../app/messages/", import.meta.url);
  for (const file of await readdir(folder)) {
    const module = await import(new URL(file, folder).href);
    for (const messages of Object.values(module)) {
      /** @param {"ru" | "en"} language @returns {Map<string, string>} key to gaps, plural forms as one */
      const gaps = (language) =>
        new Map(
          Object.entries(/** @type {Record<string, string>} */ (messages[language])).map(([key, text]) => [
            key.replace(/\.(one|few|many|other)$/, ""),
            [...text.matchAll(/\{\w+\}/g)].map(String).sort().join(),
          ]),
        );
      assert.deepEqual([...gaps("ru")].sort(), [...gaps("en")].sort(), file);
    }
  }
});

test("numbers take the right form", () => {
  assert.deepEqual(
    [1, 2, 5, 21].map((n) => ru("settings.erased", { n })),
    ["Стёрт 1 запрос", "Стёрто 2 запроса", "Стёрто 5 запросов", "Стёрт 21 запрос"],
  );
  assert.equal(en("settings.erased", { n: 2 }), "2 searches erased");
});

test("errors are told in words, and what the API alone knows in its own", () => {
  assert.match(inWords(new ApiError("offline", ""), ru), /Нет связи/);
  assert.match(inWords(new ApiError("too_many", "", { status: 429, retryAfter: 7 }), en), /7 s/);
  assert.match(inWords(new ApiError("unavailable", "spoken queries: weights not installed: speech", { status: 503 }), en), /not installed/);
  assert.equal(inWords(new ApiError("a_new_code", "do it differently"), ru), "do it differently");
  assert.ok(!inWords(new TypeError("x is undefined"), en).includes("undefined"));
});

test("times, names and sizes", () => {
  assert.deepEqual([0, 7.9, 65, 3723].map(clock), ["0:00", "0:07", "1:05", "1:02:03"]);
  assert.equal(titleOf("recipes/как_варить  борщ.final.mp4"), "как варить борщ.final");
  assert.equal(titleOf(".mp4"), ".mp4");
  assert.equal(byteSize(1_250_000, "en"), "1.3 MB");
  assert.equal(byteSize(900, "ru"), "900 Б");
});

test("addresses that run something are not safe, however they are written", () => {
  for (const bad of [" JaVaScRiPt:alert(1)", "java\nscript:alert(1)", "\u0000javascript:x", "data:text/html,x", "vbscript:x"]) {
    assert.equal(isSafeAddress(bad), false, bad);
  }
  for (const good of ["/?q=a", "https://example.org/a.mp4#t=3", "blob:http://x/1", "data:image/png;base64,aa", "#main"]) {
    assert.equal(isSafeAddress(good), true, good);
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";

import { address, narrowing, parseRoute } from "../app/router.js";

test("addresses mean views", () => {
  const expected = {
    "": "home",
    "?q=слон": "search",
    "?q=слон&theme=7&person=3": "search",
    "?q=%20": "home",
    "?similar=5b2c": "search",
    "?picture=ab12": "search",
    "?video=5b2c&t=12.5&q=слон": "video",
    "?theme=7": "themes",
    "?view=themes": "themes",
    "?person=3": "people",
    "?view=people": "people",
    "?view=upload": "upload",
    "?view=editor": "editor",
    "?view=nonsense": "missing",
    "?utm_source=mail": "home",
  };
  for (const [search, view] of Object.entries(expected)) assert.equal(parseRoute(search).view, view, search);
});

test("an address that was written is read the same", () => {
  const to = address({ q: "a&b=c ё 🥣", skip: ["layout", "spelling"], t: 0, theme: null, person: [] });
  const { view, params } = parseRoute(to.slice(1));
  assert.equal(view, "search");
  assert.equal(params.get("q"), "a&b=c ё 🥣");
  assert.deepEqual(params.getAll("skip"), ["layout", "spelling"]);
  assert.equal(params.get("t"), "0");
  assert.ok(!params.has("theme") && !params.has("person"));
});

test("no parameters are the first page", () => {
  assert.equal(address({ q: "", theme: undefined }), "/");
});

test("a result's video is explained by the search that it was found by", () => {
  const search = new URLSearchParams("q=macarena&skip=spelling&skip=layout&theme=7&modality=speech&collapse=false");
  const video = parseRoute(address({ video: "5b2c", q: search.get("q"), ...narrowing(search) }).slice(1));
  assert.equal(video.view, "video");
  assert.deepEqual(narrowing(video.params), narrowing(search));
  assert.deepEqual(narrowing(search).skip, ["spelling", "layout"]);
  assert.ok(!video.params.has("collapse") && !video.params.has("person"));
});

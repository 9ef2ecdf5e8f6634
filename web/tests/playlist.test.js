import assert from "node:assert/strict";
import { test } from "node:test";

import { neighbours, setPlaylist } from "../app/playlist.js";

test("the player goes on to the next result, and back, and ends where they end", () => {
  setPlaylist(["a", "b", "c"].map((video) => ({ video, href: `/?video=${video}` })));
  assert.deepEqual(neighbours("b"), { previous: "/?video=a", next: "/?video=c", place: 2, of: 3 });
  assert.equal(neighbours("a")?.previous, null);
  assert.equal(neighbours("c")?.next, null);
});

test("a video that was not come to from results has no neighbours", () => {
  setPlaylist([{ video: "a", href: "/?video=a" }]);
  assert.equal(neighbours("a"), null);
  assert.equal(neighbours("z"), null);
});

import assert from "node:assert/strict";
import { test } from "node:test";

import { ApiError } from "../app/api.js";
import { Session } from "../app/session.js";

/** @typedef {import("../app/types.js").Scope} Scope */

/** @param {string} key @returns {Promise<{scopes: Scope[]}>} */
async function ask(key) {
  if (key !== "good") throw new ApiError("unauthorised", "no such key", { status: 401 });
  return { scopes: ["upload"] };
}

test("a mistyped key is refused, and the one before it goes on", async () => {
  const session = new Session();
  await session.signIn("good", ask);
  await assert.rejects(session.signIn("mistyped", ask), ApiError);
  assert.equal(session.key, "good");
  assert.ok(session.can("upload"));
});

test("a key that is refused while it is used signs its editor out", async () => {
  const session = new Session();
  session.key = "withdrawn";
  await session.check(ask);
  assert.equal(session.key, null);
});

test("what could not be asked without a connection is asked again, and once known not any more", async () => {
  const session = new Session();
  session.key = "good";
  let asked = 0;
  const answer = () => {
    asked += 1;
    return asked === 1 ? Promise.reject(new ApiError("offline", "")) : ask("good");
  };
  for (let time = 0; time < 3; time += 1) await session.check(answer);
  assert.equal(asked, 2);
  assert.ok(session.can("upload"));
});

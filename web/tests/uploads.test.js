import assert from "node:assert/strict";
import { test } from "node:test";

import { ApiError, isAbort } from "../app/api.js";
import { Uploads, refusal } from "../app/uploads.js";

/** @typedef {import("../app/types.js").UploadTicket} UploadTicket */

/** @param {string} name @returns {UploadTicket} */
const ticketFor = (name) => ({
  video_id: `id of ${name}`,
  bucket: "media",
  key: name,
  url: "http://storage/",
  fields: {},
  max_bytes: 100,
  expires_at: "2026-01-01T00:00:00Z",
});

const turns = async () => {
  for (let turn = 0; turn < 10; turn += 1) await new Promise(setImmediate);
};

/** Uploads whose sending is in the test's hands. */
function stage({ atOnce = 2 } = {}) {
  /** @type {Map<string, {done: () => void, fail: (error: unknown) => void, progress: (sent: number) => void}>} */
  const sending = new Map();
  /** @type {Map<string, string>} */
  const stored = new Map();
  const storage = {
    getItem: (/** @type {string} */ name) => stored.get(name) ?? null,
    setItem: (/** @type {string} */ name, /** @type {string} */ value) => void stored.set(name, value),
  };
  const options = {
    ticket: async (/** @type {{name: string}} */ { name }) => ticketFor(name),
    /** @type {import("../app/uploads.js").Send} */
    send: (_ticket, file, { onProgress, signal }) =>
      new Promise((done, fail) => {
        sending.set(file.name, { done, fail, progress: onProgress });
        signal.addEventListener("abort", () => fail(new DOMException("given up", "AbortError")));
      }),
    atOnce,
    storage,
  };
  return { uploads: new Uploads(options), sending, options };
}

const file = (/** @type {string} */ name) => new File(["x"], name, { type: "video/mp4" });
const states = (/** @type {Uploads} */ uploads) => Object.fromEntries(uploads.items.map(({ name, state }) => [name, state]));

test("some are sent at once, the others follow in the order they were chosen in", async () => {
  const { uploads, sending } = stage();
  uploads.add([file("a"), file("b"), file("c")]);
  await turns();
  assert.deepEqual(states(uploads), { a: "sending", b: "sending", c: "waiting" });
  assert.equal(uploads.busy, true);
  sending.get("a")?.done();
  await turns();
  assert.deepEqual(states(uploads), { a: "arrived", b: "sending", c: "sending" });
  sending.get("b")?.done();
  sending.get("c")?.done();
  await turns();
  assert.equal(uploads.busy, false);
  assert.deepEqual(uploads.items.map(({ videoId }) => videoId), ["id of c", "id of b", "id of a"]);
});

test("progress is told, and one that fails holds nobody up and can be tried again", async () => {
  const { uploads, sending } = stage({ atOnce: 1 });
  let told = 0;
  uploads.addEventListener("change", () => (told += 1));
  uploads.add([file("a"), file("b")]);
  await turns();
  const before = told;
  sending.get("a")?.progress(0.5);
  assert.equal(told, before + 1);
  assert.equal(uploads.items.find(({ name }) => name === "a")?.sent, 0.5);
  sending.get("a")?.fail(new ApiError("network", "gone"));
  await turns();
  assert.deepEqual(states(uploads), { a: "failed", b: "sending" });
  const failed = uploads.items.find(({ name }) => name === "a");
  assert.ok(failed);
  uploads.again(failed);
  sending.get("b")?.done();
  await turns();
  assert.deepEqual(states(uploads), { a: "sending", b: "arrived" });
});

test("one that is cancelled is gone, and is no failure", async () => {
  const { uploads, sending } = stage({ atOnce: 1 });
  uploads.add([file("a"), file("b")]);
  await turns();
  const [, first] = uploads.items;
  assert.ok(first);
  uploads.remove(first);
  await turns();
  assert.deepEqual(states(uploads), { b: "sending" });
  assert.equal(sending.size, 2);
});

test("a server that has enough is asked again when it says so", async () => {
  const { options } = stage();
  let asked = 0;
  /** @type {number[]} */
  const waits = [];
  const uploads = new Uploads({
    ...options,
    ticket: async ({ name }) => {
      asked += 1;
      if (asked === 1) throw new ApiError("too_many", "wait", { status: 429, retryAfter: 7 });
      return ticketFor(name);
    },
    later: (run, milliseconds) => {
      waits.push(milliseconds);
      setImmediate(run);
    },
  });
  uploads.add([file("a")]);
  await turns();
  assert.deepEqual(waits, [7000]);
  assert.deepEqual(states(uploads), { a: "sending" });
});

test("what has arrived is known after a reload; what was being sent is not", async () => {
  const { uploads, sending, options } = stage();
  uploads.add([file("a"), file("b")]);
  await turns();
  sending.get("a")?.done();
  await turns();
  const again = new Uploads(options);
  assert.deepEqual(again.items.map(({ name, videoId, state }) => [name, videoId, state]), [["a", "id of a", "arrived"]]);
});

test("what is gone stays on the list until a reload, and when something has arrived is known after it", async () => {
  const { uploads, sending, options } = stage();
  uploads.add([file("a"), file("b")]);
  await turns();
  const before = Date.now();
  sending.get("a")?.done();
  sending.get("b")?.done();
  await turns();
  const gone = uploads.items.find(({ name }) => name === "a");
  assert.ok(gone);
  uploads.lose(gone);
  assert.deepEqual(states(uploads), { a: "gone", b: "arrived" });
  const [kept, ...others] = new Uploads(options).items;
  assert.ok(kept && kept.name === "b" && kept.arrived >= before && kept.arrived <= Date.now());
  assert.deepEqual(others, []);
});

test("the storage's refusals have codes that the page has words for", () => {
  assert.equal(refusal(400, "<Error><Code>EntityTooLarge</Code></Error>").code, "too_large");
  assert.equal(refusal(403, "<Error><Code>AccessDenied</Code></Error>").code, "upload_expired");
  assert.equal(refusal(503, "").code, "unavailable");
  assert.equal(refusal(400, "nonsense").code, "storage");
  assert.equal(isAbort(new DOMException("given up", "AbortError")), true);
});

test("a browser's own clock, which is asked as a function and not as a method, has the rest sent later", async (context) => {
  /** @type {(() => void)[]} */
  const later = [];
  // Browsers refuse `this` of another kind; Node.js does not care.
  /** @this {unknown} @param {() => void} run */
  function strict(run) {
    if (this !== undefined && this !== globalThis) throw new TypeError("Illegal invocation");
    later.push(run);
  }
  context.mock.method(globalThis, "setTimeout", strict);
  let refuse = true;
  const uploads = new Uploads({
    ticket: async ({ name }) => {
      if (refuse) throw new ApiError("too_many", "wait", { status: 429, retryAfter: 1 });
      return ticketFor(name);
    },
    send: async () => undefined,
    atOnce: 1,
  });
  uploads.add([file("a"), file("b")]);
  await turns();
  assert.deepEqual(states(uploads), { a: "waiting", b: "waiting" });
  refuse = false;
  while (later.length > 0) later.shift()?.();
  await turns();
  assert.deepEqual(states(uploads), { a: "arrived", b: "arrived" });
});

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

const ROOT = new URL("../", import.meta.url);
const MOST = 200 * 1024; // bytes, uncompressed: what a phone gets before anybody has done anything, without media
/** What `main.js` fetches for the first page and, behind it, for what comes next. */
const VIEWS = ["app/views/home.js", "app/views/search.js"];

/** @param {string} path @param {Map<string, string>} seen every module that a module needs, with its text */
async function follow(path, seen) {
  if (seen.has(path)) return;
  const text = await readFile(new URL(path, ROOT), "utf8");
  seen.set(path, text);
  for (const [, from] of text.matchAll(/^(?:import|export)\b[^;]*?\bfrom "(\.[^"]+)";/gm)) {
    await follow(new URL(from ?? "", new URL(path, "file:///")).pathname.slice(1), seen);
  }
}

test("the first page and what is fetched ahead stay below 200 KB", async () => {
  const html = await readFile(new URL("index.html", ROOT), "utf8");
  const modules = new Map([["index.html", html]]);
  const linked = [...html.matchAll(/(?:href|src)="\/((?:app|styles|assets)\/[^"]+)"/g)].map(([, path]) => path ?? "");
  for (const path of linked.filter((each) => !each.endsWith(".js"))) modules.set(path, await readFile(new URL(path, ROOT), "utf8"));
  for (const path of [...linked.filter((each) => each.endsWith(".js")), ...VIEWS]) await follow(path, modules);
  assert.ok(modules.has("app/main.js") && modules.has("styles/base.css") && modules.has("app/dom.js"));
  const bytes = [...modules.values()].reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  assert.ok(bytes <= MOST, `${bytes} bytes in ${modules.size} files`);
});

test("what the first page needs is asked for at once, and nothing else is", async () => {
  const html = await readFile(new URL("index.html", ROOT), "utf8");
  const preloaded = new Set([...html.matchAll(/rel="modulepreload" href="\/([^"]+)"/g)].map(([, path]) => path ?? ""));
  const needed = new Map();
  for (const path of ["app/main.js", "app/views/home.js"]) await follow(path, needed);
  assert.deepEqual([...needed.keys()].sort(), [...preloaded].sort());
});

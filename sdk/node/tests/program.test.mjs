// Programs that listen on $PORT, or just run.

import assert from "node:assert/strict";
import { test } from "node:test";

import { RuntimeAPI, freePort, get, start } from "./fake-platform.mjs";

const server = (say) => `require("node:http").createServer((q, s) => s.end(${say})).listen(process.env.PORT);`;

async function answer(t, files, spec, api) {
  const port = await freePort();
  const instance = start(t, files, spec, api, { PORT: String(port) });
  return { ...(await get(port)), instance };
}

test("npm start of a plain node command runs in the same process", async (t) => {
  const files = { "package.json": '{"scripts":{"start":"node app/server.js --flag x"}}', "app/server.js": server("JSON.stringify([require.main !== module, process.argv.slice(2)])") };
  assert.equal((await answer(t, files, "npm start")).body, '[true,["--flag","x"]]');
});

test("npm start of a shell line", async (t) => {
  const files = { "package.json": '{"scripts":{"start":"WORD=hi node server.js"}}', "server.js": server("process.env.WORD") };
  const { body, instance } = await answer(t, files, "npm start");
  assert.equal(body, "hi");
  instance.child.kill("SIGTERM");
  assert.equal((await instance.end()).code, 0);
});

test("a file", async (t) => {
  assert.equal((await answer(t, { "server.cjs": server('"file"') }, "server.cjs")).body, "file");
});

test("a module named as a handler that listens by itself", async (t) => {
  const api = await RuntimeAPI.start(t);
  assert.equal((await answer(t, { "index.js": server('"self"') }, "index.handler", api)).body, "self");
});

for (const [name, files, spec, message] of [
  ["no script", { "package.json": "{}" }, "npm start", /has no script "start"/],
  ["no package.json", {}, "npm start", /package\.json/],
  ["no file", {}, "server.js", /there is no such file/],
  ["an exception", { "server.mjs": "throw new Error('early')" }, "server.mjs", /early/],
]) {
  test(`it cannot start: ${name}`, async (t) => {
    const { code, stderr } = await start(t, files, spec).end();
    assert.equal(code, 1);
    assert.match(stderr, message);
  });
}

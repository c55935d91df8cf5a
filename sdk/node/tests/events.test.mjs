// Handlers, by the Lambda Runtime API.

import assert from "node:assert/strict";
import { test } from "node:test";

import { RuntimeAPI, start } from "./fake-platform.mjs";

async function run(t, source, spec = "index.handler", env = {}) {
  const api = await RuntimeAPI.start(t);
  const instance = start(t, typeof source === "string" ? { "index.mjs": source } : source, spec, api, env);
  return { api, instance };
}

test("async handler of an ES module", async (t) => {
  const { api } = await run(t, "export const handler = async (event) => ({ got: event, é: 1 });");
  for (const event of [{ a: [1, "ü"] }, null, 3]) {
    assert.deepEqual(await api.invoke(event), { where: "invocation/id-1/response", document: { got: event, é: 1 } });
  }
});

test("CommonJS, whose exports cannot be seen statically", async (t) => {
  const { api } = await run(t, { "index.js": "const name = 'hand' + 'ler'; module.exports = { [name]: async () => require('./other').x };", "other.js": "exports.x = 7;" });
  assert.equal((await api.invoke({})).document, 7);
});

test("synchronous result and no result", async (t) => {
  const { api } = await run(t, "export function handler(event) { return event === 1 ? 'one' : undefined; }");
  assert.equal((await api.invoke(1)).document, "one");
  assert.equal((await api.invoke(2)).document, null);
});

test("callback", async (t) => {
  const { api } = await run(t, "export function handler(event, context, callback) { setTimeout(() => event ? callback(null, event) : callback(new TypeError('none')), 1); }");
  assert.deepEqual((await api.invoke(["x"])).document, ["x"]);
  const { where, document } = await api.invoke(null);
  assert.deepEqual([where, document.errorType, document.errorMessage], ["invocation/id-1/error", "TypeError", "none"]);
});

test("handler in a folder, named by the environment", async (t) => {
  const { api } = await run(t, { "index.mjs": "", "pkg/other.cjs": "exports.a = { go: async () => 'other' };" }, "index.handler", { _HANDLER: "pkg/other.a.go" });
  assert.equal((await api.invoke({})).document, "other");
});

test("context", async (t) => {
  const source = "export const handler = async (e, c) => [c.awsRequestId, c.getRemainingTimeInMillis() > 1000, c.functionName, c.functionVersion, c.memoryLimitInMB, c.clientContext.custom, c.slipwayAttempt];";
  const { api } = await run(t, source, "index.handler", { AWS_LAMBDA_FUNCTION_NAME: "f", AWS_LAMBDA_FUNCTION_VERSION: "3", AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "128" });
  const { document } = await api.invoke({}, { "Lambda-Runtime-Client-Context": '{"custom":{"k":"v"}}', "Slipway-Attempt": "2" });
  assert.deepEqual(document, ["id-1", true, "f", "3", "128", { k: "v" }, 2]);
});

test("exception", async (t) => {
  const { api, instance } = await run(t, "export const handler = async () => { throw new RangeError('too far'); };");
  const { where, document } = await api.invoke({});
  assert.deepEqual([where, document.errorType, document.errorMessage], ["invocation/id-1/error", "RangeError", "too far"]);
  assert.match(document.trace[1], /index\.mjs:1/);
  assert.equal(document.trace.length, 2, "nothing of the bootstrap's own is in the trace");
  assert.equal((await api.invoke({})).where, "invocation/id-1/error", "the instance goes on");
  instance.child.kill("SIGKILL");
  assert.match((await instance.end()).stderr, /\[ERROR\] RangeError: too far RequestId: id-1/);
});

test("something that is not an Error is thrown", async (t) => {
  const { api } = await run(t, "export const handler = async () => { throw 'words'; };");
  assert.deepEqual((await api.invoke({})).document, { errorType: "string", errorMessage: "words", trace: [] });
});

test("what is not JSON", async (t) => {
  const { api } = await run(t, "export const handler = async () => 1n;");
  assert.equal((await api.invoke({})).document.errorType, "Runtime.MarshalError");
  assert.equal((await api.invoke("{")).document.errorType, "Runtime.UnmarshalError");
});

test("exception outside of the handler's promise", async (t) => {
  const { api, instance } = await run(t, "export const handler = () => new Promise(() => setTimeout(() => { throw new Error('lost'); }, 1));");
  const { where, document } = await api.invoke({});
  assert.deepEqual([where, document.errorMessage], ["invocation/id-1/error", "lost"]);
  assert.equal((await instance.end()).code, 1);
});

test("promise that is never settled", async (t) => {
  const { api } = await run(t, "export const handler = () => new Promise(() => {});");
  assert.equal((await api.invoke({})).document.errorType, "Runtime.NodeJsExit");
  assert.equal((await api.invoke({})).document.errorType, "Runtime.NodeJsExit", "the instance goes on");
});

test("concurrent events", async (t) => {
  const source = "let meet; const both = new Promise((r) => (meet = r)); let n = 0; export const handler = async (e) => { if (++n === 2) meet(); await both; return e; };";
  const { api } = await run(t, source, "index.handler", { AWS_LAMBDA_MAX_CONCURRENCY: "2" });
  api.send(1, { "Lambda-Runtime-Aws-Request-Id": "a" });
  api.send(2, { "Lambda-Runtime-Aws-Request-Id": "b" });
  const outcomes = [await api.outcome(), await api.outcome()].map(({ where, body }) => where + " " + body).sort();
  assert.deepEqual(outcomes, ["invocation/a/response 1", "invocation/b/response 2"]);
});

for (const [name, files, spec, type, message] of [
  ["no module", { "other.js": "" }, "index.handler", "Runtime.HandlerNotFound", /looked for index\.mjs, index\.js, index\.cjs in .*, which has other\.js/],
  ["no function", { "index.mjs": "export const main = 1;" }, "index.handler", "Runtime.HandlerNotFound", /index\.mjs exports no "handler"; it exports main/],
  ["not a function", { "index.mjs": "export const handler = 1;" }, "index.handler", "Runtime.HandlerNotFound", /not as a function/],
  ["spelling", { "index.mjs": "" }, "index", "Runtime.HandlerNotFound", /it must be module\.function/],
  ["missing dependency", { "index.mjs": "import 'nowhere-to-be-found';" }, "index.handler", "Runtime.ImportModuleError", /nowhere-to-be-found/],
  ["missing dependency of CommonJS", { "index.cjs": "require('nowhere-to-be-found');" }, "index.handler", "Runtime.ImportModuleError", /nowhere-to-be-found/],
  ["syntax error", { "index.mjs": "export const = 1;" }, "index.handler", "Runtime.UserCodeSyntaxError", /Unexpected token/],
  ["exception", { "index.mjs": "throw new RangeError('early');" }, "index.handler", "RangeError", /early/],
]) {
  test(`loading: ${name}`, async (t) => {
    const { api, instance } = await run(t, files, spec);
    const { where, body } = await api.outcome();
    const document = JSON.parse(body);
    assert.deepEqual([where, document.errorType], ["init/error", type]);
    assert.match(document.errorMessage, message);
    const { code, stderr } = await instance.end();
    assert.equal(code, 1);
    assert.match(stderr, message);
  });
}

test("a callback waits until nothing is left to do, unless the context says otherwise", async (t) => {
  const source = "let late = false; export function handler(event, context, callback) { late = false; setTimeout(() => { late = true; }, 20); if (event) { context.callbackWaitsForEmptyEventLoop = false; } callback(null, { get late() { return late; } }); }";
  const { api } = await run(t, source);
  assert.deepEqual((await api.invoke(false)).document, { late: true });
  assert.deepEqual((await api.invoke(true)).document, { late: false });
});

test("done, succeed and fail of the context", async (t) => {
  const source = "export function handler(event, context) { setTimeout(() => context[event](event === 'succeed' ? 1 : new TypeError('no')), 1); }";
  const { api } = await run(t, source);
  assert.equal((await api.invoke('"succeed"')).document, 1);
  for (const how of ["fail", "done"]) {
    assert.equal((await api.invoke(`"${how}"`)).document.errorType, "TypeError");
  }
});

test("rejection that nobody handles", async (t) => {
  const { api, instance } = await run(t, "export const handler = () => new Promise(() => { setTimeout(() => {}, 60000); Promise.reject(new RangeError('lost')); });");
  const { where, document } = await api.invoke({});
  assert.deepEqual([where, document.errorType, document.errorMessage], ["invocation/id-1/error", "Runtime.UnhandledPromiseRejection", "RangeError: lost"]);
  assert.match(document.trace[1], /index\.mjs:1/);
  assert.equal((await instance.end()).code, 128);
});

test("ES module by package.json, with await at its top", async (t) => {
  const { api } = await run(t, { "package.json": '{"type":"module"}', "index.js": "const x = await Promise.resolve(5); export const handler = async () => x;" });
  assert.equal((await api.invoke({})).document, 5);
});

test("ES module that nothing says is one", async (t) => {
  if (!process.features.require_module) {
    return t.skip("this version of Node does not look at the syntax of modules");
  }
  const { api } = await run(t, { "index.js": "export const handler = async () => 6;" });
  assert.equal((await api.invoke({})).document, 6);
});

test("an event and a result of megabytes", async (t) => {
  const { api } = await run(t, "export const handler = async (event) => event + 'é';");
  const text = "ü".repeat(1_500_000);
  assert.ok((await api.invoke(JSON.stringify(text))).document === text + "é");
});

// Streamed responses.

import assert from "node:assert/strict";
import { test } from "node:test";

import { RuntimeAPI, start } from "./fake-platform.mjs";

async function outcome(t, body) {
  const api = await RuntimeAPI.start(t);
  start(t, { "index.mjs": `export const handler = awslambda.streamifyResponse(async (event, stream, context) => { ${body} });` }, "index.handler", api);
  api.send({});
  return api.outcome();
}

test("bytes", async (t) => {
  const { where, headers, body } = await outcome(t, "stream.setContentType('text/plain'); stream.write('a'); await new Promise(setImmediate); stream.write('b'); stream.end('c');");
  assert.equal(where, "invocation/id-1/response");
  assert.equal(headers["lambda-runtime-function-response-mode"], "streaming");
  assert.equal(headers["transfer-encoding"], "chunked");
  assert.equal(headers["content-type"], "text/plain");
  assert.equal(body, "abc");
});

test("HTTP prelude", async (t) => {
  const { headers, body } = await outcome(t, "stream = awslambda.HttpResponseStream.from(stream, { statusCode: 201, headers: { 'X-A': 'b' } }); stream.write('body'); stream.end();");
  assert.equal(headers["content-type"], "application/vnd.awslambda.http-integration-response");
  const [prelude, rest] = body.split("\0".repeat(8));
  assert.deepEqual(JSON.parse(prelude), { statusCode: 201, headers: { "X-A": "b" } });
  assert.equal(rest, "body");
});

test("a handler that does not end its stream", async (t) => {
  assert.equal((await outcome(t, "stream.write('x');")).body, "x");
});

test("exception before the first byte", async (t) => {
  const { where, body } = await outcome(t, "throw new RangeError('early');");
  assert.equal(where, "invocation/id-1/error");
  assert.equal(JSON.parse(body).errorType, "RangeError");
});

test("exception after the first byte is in the trailers", async (t) => {
  const { where, body, trailers } = await outcome(t, "await new Promise((r) => stream.write('part', r)); throw new RangeError('late');");
  assert.equal(where, "invocation/id-1/response");
  assert.equal(body, "part");
  assert.equal(trailers["lambda-runtime-function-error-type"], "RangeError");
  assert.equal(JSON.parse(Buffer.from(trailers["lambda-runtime-function-error-body"], "base64")).errorMessage, "late");
});

test("exception after the prelude was set and before the first byte", async (t) => {
  const { where } = await outcome(t, "stream = awslambda.HttpResponseStream.from(stream, { statusCode: 201 }); throw new RangeError('early');");
  assert.equal(where, "invocation/id-1/error");
});

test("prelude without a body", async (t) => {
  const { body } = await outcome(t, "stream = awslambda.HttpResponseStream.from(stream, { statusCode: 204 }); stream.end();");
  assert.equal(body, '{"statusCode":204}' + "\0".repeat(8));
});

test("pipeline", async (t) => {
  const { body } = await outcome(t, "const { pipeline } = await import('node:stream/promises'); const { Readable } = await import('node:stream'); await pipeline(Readable.from(['a', 'b', 'c']), stream);");
  assert.equal(body, "abc");
});

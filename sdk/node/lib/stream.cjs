// Streamed answers; see the global awslambda in events.cjs.

"use strict";

const { Writable } = require("node:stream");

const { errorField } = require("./client.cjs");
const { document, report } = require("./errors.cjs");

const HTTP_CONTENT_TYPE = "application/vnd.awslambda.http-integration-response";

/** Runs a streaming handler on one event. */
async function serveStream(client, handler, event, context) {
  const id = context.awsRequestId;
  const stream = new ResponseStream(client, id);
  try {
    await handler(event, stream, context);
    if (!stream.writableEnded) {
      stream.end();
    }
    await stream.sent();
  } catch (error) {
    report(error, id);
    await stream.fail(document(error));
  }
}

class ResponseStream extends Writable {
  #client;
  #id;
  #contentType = "application/octet-stream";
  #prelude;
  #out; // once the first byte is there: until then an error is an ordinary one
  #ended;

  constructor(client, id) {
    super();
    this.#client = client;
    this.#id = id;
    this.on("error", () => {}); // sent() and fail() tell
  }

  setContentType(type) {
    if (this.#out) {
      throw new Error("the content type must be set before the first byte is written");
    }
    this.#contentType = type;
  }

  /** Status, headers and cookies: JSON and 8 NUL bytes before the body. */
  setPrelude(metadata) {
    this.setContentType(HTTP_CONTENT_TYPE);
    this.#prelude = Buffer.concat([Buffer.from(JSON.stringify(metadata)), Buffer.alloc(8)]);
  }

  _write(chunk, _encoding, callback) {
    if (chunk.length === 0) {
      callback();
      return;
    }
    this.#open().write(chunk, callback);
  }

  _final(callback) {
    this.#ended = this.#open().end();
    this.#ended.then(() => callback(), callback);
  }

  /** Waits until the platform has taken the whole answer. */
  async sent() {
    if (!this.writableFinished) {
      await new Promise((resolve, reject) => this.once("finish", resolve).once("error", reject));
    }
  }

  /** Ends the answer with an error: in trailers when a part of it has left already. */
  async fail(doc) {
    if (!this.#out) {
      await this.#client.fail(this.#id, doc);
    } else if (!this.#ended) {
      const body = Buffer.from(JSON.stringify(doc)).toString("base64");
      await this.#out.end(`${errorField(doc)}Lambda-Runtime-Function-Error-Body: ${body}\r\n`);
    } else {
      await this.#ended.catch(() => {});
    }
    this.destroy();
  }

  #open() {
    if (this.#out === undefined) {
      this.#out = this.#client.stream(this.#id, this.#contentType);
      if (this.#prelude) {
        this.#out.write(this.#prelude);
      }
    }
    return this.#out;
  }
}

module.exports = { serveStream };

// Streamed responses, as AWS's awslambda global offers them:
//
//   export const handler = awslambda.streamifyResponse(async (event, stream, context) => {
//     stream = awslambda.HttpResponseStream.from(stream, { statusCode: 200, headers: {} });
//     stream.write("…"); stream.end();
//   });

import { Writable } from "node:stream";

import { document, report } from "./errors.mjs";

const STREAMING = Symbol.for("slipway.streaming");
const HTTP_CONTENT_TYPE = "application/vnd.awslambda.http-integration-response";

/** Offers the global awslambda. */
export function offerGlobal() {
  globalThis.awslambda = {
    streamifyResponse(handler) {
      const streaming = (...args) => handler(...args);
      streaming[STREAMING] = true;
      return streaming;
    },
    HttpResponseStream: {
      /** Puts status, headers and cookies before the body: JSON, then 8 NUL bytes. */
      from(stream, metadata) {
        stream.setContentType(HTTP_CONTENT_TYPE);
        stream.write(JSON.stringify(metadata ?? {}));
        stream.write(Buffer.alloc(8));
        return stream;
      },
    },
  };
}

export function isStreaming(handler) {
  return handler[STREAMING] === true;
}

/** Runs a streaming handler on one event. */
export async function serveStream(client, handler, event, context) {
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
  #out; // { request, done } once the first byte is there: until then an error is an ordinary one

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

  _write(chunk, _encoding, callback) {
    this.#open().write(chunk, callback);
  }

  _final(callback) {
    this.#open().end(callback);
  }

  /** Waits until the platform has taken the whole response. */
  async sent() {
    await new Promise((resolve, reject) => {
      if (this.writableFinished) {
        resolve();
      }
      this.once("finish", resolve);
      this.once("error", reject);
    });
    await this.#out.done;
  }

  /** Ends the response with an error: in trailers when a part of it has left already. */
  async fail(doc) {
    if (!this.#out) {
      await this.#client.fail(this.#id, doc);
      return;
    }
    const { request, done } = this.#out;
    if (!request.writableEnded) {
      request.addTrailers({
        "Lambda-Runtime-Function-Error-Type": doc.errorType.replace(/[^\x21-\x7e]/g, "?"),
        "Lambda-Runtime-Function-Error-Body": Buffer.from(JSON.stringify(doc)).toString("base64"),
      });
      request.end();
    }
    await done;
  }

  #open() {
    this.#out ??= this.#client.stream(this.#id, this.#contentType);
    return this.#out.request;
  }
}

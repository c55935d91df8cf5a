// The loop of the Lambda Runtime API: next event, handler, answer.

"use strict";

const { Client, ConnectionLost } = require("./client.cjs");
const { makeContext } = require("./context.cjs");
const { load } = require("./loader.cjs");

const errors = () => require("./errors.cjs"); // only a failure pays for it

const STREAMING = Symbol.for("slipway.streaming");

/** Serves events with the handler that spec names, until the platform ends the process. */
async function runEvents(spec) {
  globalThis.awslambda = makeGlobal();
  const address = process.env.AWS_LAMBDA_RUNTIME_API;
  const running = new Running(address ? new Client(address) : undefined);
  let handler;
  try {
    handler = load(spec);
    if (typeof handler?.then === "function") {
      handler = await handler;
    }
  } catch (error) {
    await running.failInit(error);
  }
  if (handler === undefined) {
    return running.leave(); // the module is a server of its own
  }
  if (!address) {
    console.error("AWS_LAMBDA_RUNTIME_API is not set: a handler runs only on the platform, or with an emulator of Lambda's Runtime API");
    process.exit(1);
  }
  const loops = Number(process.env.AWS_LAMBDA_MAX_CONCURRENCY || 1);
  running.alone = loops === 1;
  for (let i = 0; i < loops; i++) {
    loop(running, i === 0 ? running.client : new Client(address), handler);
  }
}

/** The global awslambda: streamed answers as AWS offers them.
 *
 *   export const handler = awslambda.streamifyResponse(async (event, stream, context) => {
 *     stream = awslambda.HttpResponseStream.from(stream, { statusCode: 200, headers: {} });
 *     stream.write("…"); stream.end();
 *   });
 */
function makeGlobal() {
  return {
    streamifyResponse(handler) {
      const streaming = (...args) => handler(...args);
      streaming[STREAMING] = true;
      return streaming;
    },
    HttpResponseStream: {
      /** Puts status, headers and cookies before the body. */
      from(stream, metadata) {
        stream.setPrelude(metadata ?? {});
        return stream;
      },
    },
  };
}

async function loop(running, client, handler) {
  try {
    for (;;) {
      const { headers, body } = await client.next();
      await serve(running, client, handler, headers, body);
    }
  } catch (error) {
    if (!(error instanceof ConnectionLost)) {
      throw error;
    }
    process.exit(0);
  }
}

async function serve(running, client, handler, headers, body) {
  const id = headers["lambda-runtime-aws-request-id"] ?? "";
  if (headers["lambda-runtime-trace-id"]) {
    process.env._X_AMZN_TRACE_ID = headers["lambda-runtime-trace-id"];
  }
  let answer;
  try {
    const context = makeContext(headers);
    const event = decode(body);
    if (handler[STREAMING] === true) {
      await running.during(id, require("./stream.cjs").serveStream(client, handler, event, context));
      return;
    }
    answer = encode(await running.during(id, call(running, handler, event, context)));
  } catch (error) {
    if (error instanceof ConnectionLost) {
      throw error;
    }
    errors().report(error, id);
    await client.fail(id, errors().document(error));
    return;
  }
  await client.respond(id, answer);
}

// A handler returns its result, mostly as a promise; or it takes a third argument and
// calls it, or one of the functions of the context that Lambda had before. A result that
// was called back waits until nothing is left to do, unless the context says otherwise.
function call(running, handler, event, context) {
  return new Promise((resolve, reject) => {
    const callback = (error, result) => {
      const settle = () => (error === undefined || error === null ? resolve(result) : reject(error));
      context.callbackWaitsForEmptyEventLoop && running.alone ? running.whenEmpty(settle) : settle();
    };
    const now = (error, result) => {
      context.callbackWaitsForEmptyEventLoop = false;
      callback(error, result);
    };
    context.done = callback;
    context.succeed = (result) => now(null, result);
    context.fail = (error) => now(error ?? new Error("the handler called context.fail"));
    const result = handler(event, context, callback);
    if (typeof result?.then === "function") {
      result.then(resolve, reject);
    } else if (result !== undefined || handler.length < 2) {
      resolve(result); // one that takes neither context nor callback cannot answer later
    } else if (handler.length < 3) {
      // It may call context.done; when it does not, nothing is left and the answer is null.
      running.whenEmpty(() => resolve(result), true);
    }
  });
}

function decode(body) {
  try {
    return body === "" ? null : JSON.parse(body);
  } catch (error) {
    throw errors().named("Runtime.UnmarshalError", `the event is not JSON: ${error.message}`);
  }
}

function encode(result) {
  try {
    return JSON.stringify(result === undefined ? null : result) ?? "null";
  } catch (error) {
    throw errors().named("Runtime.MarshalError", `the handler's result is not JSON: ${error.message}`);
  }
}

/** The invocations that run now, and what becomes of them when the process cannot go on. */
class Running {
  alone = true; // one event at a time
  #pending = new Map(); // invocation id -> function that rejects it
  #onEmpty; // what to do when nothing is left to do
  #serving = false;

  constructor(client) {
    this.client = client;
    process.on("uncaughtException", (error) => this.#crash(error, 1));
    process.on("unhandledRejection", (reason) => {
      const { errorType, errorMessage } = errors().document(reason);
      this.#crash(errors().named("Runtime.UnhandledPromiseRejection", `${errorType}: ${errorMessage}`, reason), 128);
    });
    process.on("beforeExit", this.#nothingLeft);
  }

  /** Waits for promise as the work of invocation id. */
  during(id, promise) {
    this.#serving = true;
    const stuck = new Promise((_, reject) => this.#pending.set(id, reject));
    return Promise.race([promise, stuck]).finally(() => {
      this.#pending.delete(id);
      this.#onEmpty = undefined;
    });
  }

  /** Calls f when the event loop is empty; one that is said first wins over a later weak one. */
  whenEmpty(f, weak = false) {
    if (!weak || this.#onEmpty === undefined) {
      this.#onEmpty = f;
    }
  }

  /** Leaves the process to the user's own server. */
  leave() {
    process.removeAllListeners("uncaughtException");
    process.removeAllListeners("unhandledRejection");
    process.off("beforeExit", this.#nothingLeft);
  }

  async failInit(error) {
    errors().report(error);
    const doc = errors().document(error);
    doc.errorType = { ERR_MODULE_NOT_FOUND: "Runtime.ImportModuleError", MODULE_NOT_FOUND: "Runtime.ImportModuleError" }[error?.code]
      ?? (error instanceof SyntaxError ? "Runtime.UserCodeSyntaxError" : doc.errorType);
    await this.client?.failInit(doc).catch(() => {}); // the log has it; the exit status says the rest
    process.exit(1);
  }

  // An exception that nobody caught may have left anything broken: the invocations that run
  // get it as their error, and the process ends. It is told on a connection of its own: the
  // loop's may be in the middle of an answer.
  async #crash(error, code) {
    errors().report(error);
    const doc = errors().document(error);
    const client = new Client(process.env.AWS_LAMBDA_RUNTIME_API ?? "127.0.0.1:1");
    if (!this.#serving) {
      await client.failInit(doc).catch(() => {});
    }
    for (const id of this.#pending.keys()) {
      await client.fail(id, doc).catch(() => {});
    }
    process.exit(code);
  }

  // The event loop is empty: what is awaited can never come, unless it waited for this.
  #nothingLeft = () => {
    const f = this.#onEmpty;
    if (f !== undefined) {
      this.#onEmpty = undefined;
      f();
      return;
    }
    for (const reject of this.#pending.values()) {
      reject(errors().named("Runtime.NodeJsExit", "the handler is waiting, but nothing is left that could wake it: a promise is never settled or the callback is never called"));
    }
  };
}

module.exports = { runEvents };

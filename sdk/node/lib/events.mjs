// The loop of the Lambda Runtime API: next event, handler, answer.

import { Client, ConnectionLost } from "./client.mjs";
import { makeContext } from "./context.mjs";
import { document, report } from "./errors.mjs";
import { load } from "./loader.mjs";
import { isStreaming, offerGlobal, serveStream } from "./stream.mjs";

/** Serves events with the handler that spec names, until the platform ends the process. */
export async function runEvents(spec) {
  offerGlobal();
  const address = process.env.AWS_LAMBDA_RUNTIME_API;
  const running = new Running(address ? new Client(address) : undefined);
  let handler;
  try {
    handler = await load(spec);
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
  await Promise.all(Array.from({ length: loops }, () => loop(running, handler)));
}

async function loop(running, handler) {
  try {
    for (;;) {
      const { headers, body } = await running.client.next();
      await serve(running, handler, headers, body);
    }
  } catch (error) {
    if (!(error instanceof ConnectionLost)) {
      throw error;
    }
    process.exit(0);
  }
}

async function serve(running, handler, headers, body) {
  const context = makeContext(headers);
  const id = context.awsRequestId;
  if (headers["lambda-runtime-trace-id"]) {
    process.env._X_AMZN_TRACE_ID = headers["lambda-runtime-trace-id"];
  }
  let answer;
  try {
    const event = decode(body);
    if (isStreaming(handler)) {
      await running.during(id, serveStream(running.client, handler, event, context));
      return;
    }
    answer = encode(await running.during(id, call(handler, event, context)));
  } catch (error) {
    if (error instanceof ConnectionLost) {
      throw error;
    }
    report(error, id);
    await running.client.fail(id, document(error));
    return;
  }
  await running.client.respond(id, answer);
}

// A handler either returns its result, mostly as a promise, or takes a third
// argument and calls it.
function call(handler, event, context) {
  return new Promise((resolve, reject) => {
    const callback = (error, result) => (error === undefined || error === null ? resolve(result) : reject(error));
    const result = handler(event, context, callback);
    if (typeof result?.then === "function") {
      result.then(resolve, reject);
    } else if (handler.length < 3) {
      resolve(result);
    }
  });
}

function decode(body) {
  try {
    return body === "" ? null : JSON.parse(body);
  } catch (error) {
    throw named("Runtime.UnmarshalError", `the event is not JSON: ${error.message}`);
  }
}

function encode(result) {
  try {
    return JSON.stringify(result === undefined ? null : result) ?? "null";
  } catch (error) {
    throw named("Runtime.MarshalError", `the handler's result is not JSON: ${error.message}`);
  }
}

function named(name, message) {
  return Object.assign(new Error(message), { name });
}

/** The invocations that run now, and what becomes of them when the process cannot go on. */
class Running {
  #pending = new Map(); // invocation id -> function that rejects it

  constructor(client) {
    this.client = client;
    process.on("uncaughtException", (error) => this.#crash(error));
    process.on("beforeExit", this.#nothingLeft);
  }

  /** Waits for promise as the work of invocation id. */
  during(id, promise) {
    const stuck = new Promise((_, reject) => this.#pending.set(id, reject));
    return Promise.race([promise, stuck]).finally(() => this.#pending.delete(id));
  }

  /** Leaves the process to the user's own server. */
  leave() {
    process.removeAllListeners("uncaughtException");
    process.off("beforeExit", this.#nothingLeft);
  }

  async failInit(error) {
    report(error);
    const doc = document(error);
    doc.errorType = { ERR_MODULE_NOT_FOUND: "Runtime.ImportModuleError", MODULE_NOT_FOUND: "Runtime.ImportModuleError" }[error?.code]
      ?? (error instanceof SyntaxError ? "Runtime.UserCodeSyntaxError" : doc.errorType);
    await this.client?.failInit(doc).catch(() => {}); // the log has it; the exit status says the rest
    process.exit(1);
  }

  // An exception that nobody caught may have left anything broken: the invocations
  // that run get it as their error, and the process ends.
  async #crash(error) {
    report(error);
    const doc = document(error);
    if (this.#pending.size === 0) {
      await this.client?.failInit(doc).catch(() => {});
    }
    await Promise.all([...this.#pending.keys()].map((id) => this.client.fail(id, doc).catch(() => {})));
    process.exit(1);
  }

  // The event loop is empty: what is awaited can never come.
  #nothingLeft = () => {
    for (const reject of this.#pending.values()) {
      reject(named("Runtime.NodeJsExit", "the handler is waiting, but nothing is left that could wake it: a promise is never settled or the callback is never called"));
    }
  };
}

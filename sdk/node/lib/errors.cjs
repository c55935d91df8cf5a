// What was thrown as Lambda's error documents: errorType, errorMessage, trace.

"use strict";

/** The error document of whatever was thrown. */
function document(thrown) {
  try {
    if (!(thrown instanceof Error) && !(typeof thrown === "object" && typeof thrown?.stack === "string")) { // of another realm
      return { errorType: typeof thrown, errorMessage: text(thrown), trace: [] };
    }
    return { errorType: String(thrown.name || "Error"), errorMessage: String(thrown.message), trace: stack(thrown) };
  } catch {
    return { errorType: "Error", errorMessage: "what was thrown cannot be read", trace: [] };
  }
}

function text(thrown) {
  if (typeof thrown !== "object" || thrown === null) {
    return String(thrown);
  }
  return JSON.stringify(thrown) ?? Object.prototype.toString.call(thrown);
}

/** Writes what was thrown to the log. */
function report(thrown, id) {
  const { errorType, errorMessage, trace } = document(thrown);
  const head = `[ERROR] ${errorType}: ${errorMessage}${id ? ` RequestId: ${id}` : ""}`;
  console.error([head, ...trace.filter((line) => /^\s+at /.test(line))].join("\n"));
}

// The user's part of the stack: what is below the bootstrap's first frame called the handler.
function stack(error) {
  const lines = String(error.stack ?? "").split("\n");
  const end = lines.findIndex((line) => line.includes(__dirname));
  return (end < 0 ? lines : lines.slice(0, end)).filter((line) => !line.includes("(node:internal/"));
}

/** An error with a name of Lambda's. */
function named(name, message, cause) {
  const error = Object.assign(new Error(message), { name });
  if (cause?.stack) {
    error.stack = `${name}: ${message}\n${String(cause.stack).split("\n").slice(1).join("\n")}`;
  }
  return error;
}

module.exports = { document, report, named };

// What was thrown as Lambda's error documents: errorType, errorMessage, trace.

import { fileURLToPath } from "node:url";

const own = fileURLToPath(new URL(".", import.meta.url));

/** The error document of whatever was thrown. */
export function document(thrown) {
  if (!(thrown instanceof Error)) {
    return { errorType: typeof thrown, errorMessage: String(thrown), trace: [] };
  }
  return { errorType: thrown.name || "Error", errorMessage: thrown.message, trace: stack(thrown) };
}

/** Writes what was thrown to the log. */
export function report(thrown, id) {
  const { errorType, errorMessage, trace } = document(thrown);
  const head = `[ERROR] ${errorType}: ${errorMessage}${id ? ` RequestId: ${id}` : ""}`;
  console.error([head, ...trace.filter((line) => /^\s+at /.test(line))].join("\n"));
}

// The user's part of the stack: what is below the bootstrap's first frame called the handler.
function stack(error) {
  const lines = String(error.stack ?? "").split("\n");
  const end = lines.findIndex((line) => line.includes(own));
  return (end < 0 ? lines : lines.slice(0, end)).filter((line) => !line.includes("(node:internal/"));
}

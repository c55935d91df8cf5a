// Imports the user's module and finds the handler in it.

import { existsSync, readdirSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const EXTENSIONS = [".mjs", ".js", ".cjs"];

/** The handler names something that is not there; the message says what was looked for. */
export class HandlerNotFound extends Error {
  name = "Runtime.HandlerNotFound";
}

/** Loads module.function: CommonJS and ES modules alike. Returns undefined when the module opened a server instead. */
export async function load(spec) {
  const { folder, module, name } = split(spec);
  const file = find(spec, folder, module);
  const namespace = await import(pathToFileURL(file));
  // What CommonJS exports is found on the default export, whatever static analysis saw.
  const handler = pick(namespace, name) ?? pick(namespace.default, name);
  if (typeof handler === "function") {
    return handler;
  }
  if (handler === undefined && listens()) {
    return undefined;
  }
  throw new HandlerNotFound(`handler ${spec}: ${basename(file)} ${handler === undefined ? "exports no" : "exports, but not as a function,"} ${JSON.stringify(name)}${exported(namespace)}`);
}

// As Lambda splits it: folders, then the module up to the first dot, then a path of names.
function split(spec) {
  const match = /^([^.]+)\.(.+)$/.exec(basename(spec));
  if (!match) {
    throw new HandlerNotFound(`handler ${JSON.stringify(spec)}: it must be module.function, as in index.handler for the export handler of index.js`);
  }
  return { folder: dirname(spec), module: match[1], name: match[2] };
}

function find(spec, folder, module) {
  const base = resolve(folder, module);
  for (const extension of EXTENSIONS) {
    if (existsSync(base + extension)) {
      return base + extension;
    }
  }
  const wanted = EXTENSIONS.map((e) => join(folder, module + e)).join(", ");
  throw new HandlerNotFound(`handler ${spec}: looked for ${wanted} in ${process.cwd()}${found()}`);
}

function found() {
  const files = readdirSync(".").filter((f) => /\.[cm]?js$/.test(f));
  return files.length > 0 ? `, which has ${files.join(", ")}` : ", which has no *.js at all";
}

function pick(object, path) {
  return path.split(".").reduce((o, key) => o?.[key], object);
}

function listens() {
  return process.getActiveResourcesInfo().some((r) => r === "TCPServerWrap" || r === "PipeServerWrap");
}

function exported(namespace) {
  const names = new Set([...Object.keys(namespace), ...Object.keys(namespace.default ?? {})]);
  for (const technical of ["default", "module.exports", "__esModule"]) {
    names.delete(technical);
  }
  return names.size > 0 ? `; it exports ${[...names].join(", ")}` : "; it exports nothing";
}

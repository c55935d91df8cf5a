// Loads the user's module and finds the handler in it.

"use strict";

const fs = require("node:fs");
const path = require("node:path");

const EXTENSIONS = [".mjs", ".js", ".cjs"];

/** The handler names something that is not there; the message says what was looked for. */
function notFound(message) {
  return Object.assign(new Error(message), { name: "Runtime.HandlerNotFound" });
}

/** Loads module.function: CommonJS at once, ES modules as a promise, which take longer to
 * load. It is undefined when the module opened a server instead. */
function load(spec) {
  const { folder, module, name } = split(spec);
  const file = find(spec, folder, module);
  if (!isModule(file)) {
    try {
      return choose(spec, file, require(file), name);
    } catch (error) {
      if (error?.code !== "ERR_REQUIRE_ESM" && error?.code !== "ERR_REQUIRE_ASYNC_MODULE" && !isForeignSyntax(error)) {
        throw error;
      }
    }
  }
  return import(require("node:url").pathToFileURL(file).href).then((namespace) => choose(spec, file, namespace, name));
}

// An ES module says so by its name, or package.json says so for it.
function isModule(file) {
  if (!file.endsWith(".js")) {
    return file.endsWith(".mjs");
  }
  for (let dir = path.dirname(file); ; dir = path.dirname(dir)) {
    try {
      return JSON.parse(fs.readFileSync(path.join(dir, "package.json"), "utf8")).type === "module";
    } catch (error) {
      if (error.code !== "ENOENT" || dir === path.dirname(dir)) {
        return false;
      }
    }
  }
}

// A .js file that nothing was said about may be an ES module all the same: newer versions
// of Node find that out when they import it.
function isForeignSyntax(error) {
  return error instanceof SyntaxError && /import statement outside|Unexpected token 'export'|import\.meta/.test(error.message);
}

function choose(spec, file, exports, name) {
  // What CommonJS exports is found on the default export, whatever static analysis saw.
  const handler = pick(exports, name) ?? pick(exports?.default, name);
  if (typeof handler === "function") {
    return handler;
  }
  if (handler === undefined && listens()) {
    return undefined;
  }
  throw notFound(`handler ${spec}: ${path.basename(file)} ${handler === undefined ? "exports no" : "exports, but not as a function,"} ${JSON.stringify(name)}${exported(exports)}`);
}

// As Lambda splits it: folders, then the module up to the first dot, then a path of names.
function split(spec) {
  const match = /^([^.]+)\.(.+)$/.exec(path.basename(spec));
  if (!match) {
    throw notFound(`handler ${JSON.stringify(spec)}: it must be module.function, as in index.handler for the export handler of index.js`);
  }
  return { folder: path.dirname(spec), module: match[1], name: match[2] };
}

function find(spec, folder, module) {
  const base = path.resolve(folder, module);
  for (const extension of EXTENSIONS) {
    if (fs.existsSync(base + extension)) {
      return base + extension;
    }
  }
  const wanted = EXTENSIONS.map((e) => path.join(folder, module + e)).join(", ");
  throw notFound(`handler ${spec}: looked for ${wanted} in ${process.cwd()}${found()}`);
}

function found() {
  const files = fs.readdirSync(".").filter((f) => /\.[cm]?js$/.test(f));
  return files.length > 0 ? `, which has ${files.join(", ")}` : ", which has no *.js at all";
}

function pick(object, names) {
  return names.split(".").reduce((o, key) => o?.[key], object);
}

function listens() {
  return process.getActiveResourcesInfo().some((r) => r === "TCPServerWrap" || r === "PipeServerWrap");
}

function exported(exports) {
  const names = new Set([...Object.keys(exports ?? {}), ...Object.keys(exports?.default ?? {})]);
  for (const technical of ["default", "module.exports", "__esModule"]) {
    names.delete(technical);
  }
  return names.size > 0 ? `; it exports ${[...names].join(", ")}` : "; it exports nothing";
}

module.exports = { load };

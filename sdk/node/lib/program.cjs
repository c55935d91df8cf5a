// Programs of the user's own: a file, or the script "start" of package.json.

"use strict";

const { readFileSync } = require("node:fs");
const { resolve } = require("node:path");
const { pathToFileURL } = require("node:url");

/** Runs file in this process, as if Node had been started with it. */
async function runProgram(file, args) {
  const path = resolve(file);
  process.argv = [process.argv[0], path, ...args];
  try {
    await import(pathToFileURL(path));
  } catch (error) {
    if (error?.code === "ERR_MODULE_NOT_FOUND" && error.url === pathToFileURL(path).href) {
      console.error(`handler ${file}: there is no such file in ${process.cwd()}`);
    } else {
      console.error(error);
    }
    process.exit(1);
  }
}

/** Runs the script "start" of package.json as `npm start` does, without npm, which takes longer to start than most functions. args follow it, as after `npm start --`. */
async function runStart(args) {
  const script = startScript();
  const plain = /^node\s+([\w./-]+\.[cm]?js)((?:\s+[\w./:=-]+)*)$/.exec(script);
  if (plain) {
    await runProgram(plain[1], [...plain[2].split(/\s+/).filter(Boolean), ...args]);
    return;
  }
  const { spawn } = require("node:child_process");
  const path = `${resolve("node_modules/.bin")}:${process.env.PATH ?? ""}`;
  // A process group of its own: a shell does not pass signals on to what it runs.
  const child = spawn("/bin/sh", ["-c", args.length ? `${script} "$@"` : script, "sh", ...args], { stdio: "inherit", detached: true, env: { ...process.env, PATH: path, npm_lifecycle_event: "start" } });
  for (const signal of ["SIGTERM", "SIGINT"]) {
    process.on(signal, () => process.kill(-child.pid, signal));
  }
  child.on("error", (error) => fail(`npm start: ${error.message}`));
  child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGTERM" ? 0 : 1)));
}

function startScript() {
  try {
    const script = JSON.parse(readFileSync("package.json", "utf8")).scripts?.start;
    return script?.trim() || fail("npm start: package.json has no script \"start\"");
  } catch (error) {
    return fail(`npm start: package.json: ${error.message}`);
  }
}

function fail(message) {
  console.error(message);
  process.exit(1);
}

module.exports = { runProgram, runStart };

// Entry point of a Node instance: node /var/runtime/bootstrap.cjs [HANDLER].
//
// _HANDLER, when it is set, wins over the argument, so that a function's
// configuration can name another handler without a new image. The handler's
// spelling decides what is run:
//
//   module.function   a handler, by the Lambda Runtime API
//   file.js           a program of its own (.js, .mjs, .cjs)
//   npm start         the script "start" of package.json; it gets what follows in the
//                     command line
//
// Nothing but Node's own modules is used, and of these as few as possible before the first
// event; what only some functions need is required when they need it. It is CommonJS
// because that starts 15 ms sooner than ES modules.

"use strict";

const spec = process.env._HANDLER || process.argv[2] || "index.handler";
process.chdir(process.env.LAMBDA_TASK_ROOT || "/var/task");

if (spec === "npm start") {
  require("./lib/program.cjs").runStart(process.argv.slice(3));
} else if (/\.[cm]?js$/.test(spec)) {
  require("./lib/program.cjs").runProgram(spec, []);
} else {
  require("./lib/events.cjs").runEvents(spec);
}

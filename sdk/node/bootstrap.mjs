// Entry point of a Node instance: node /var/runtime/bootstrap.mjs [HANDLER].
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
// Nothing but Node's own modules is used.

import { runEvents } from "./lib/events.mjs";
import { runProgram, runStart } from "./lib/program.mjs";

const spec = process.env._HANDLER || process.argv[2] || "index.handler";
process.chdir(process.env.LAMBDA_TASK_ROOT || "/var/task");

if (spec === "npm start") {
  await runStart(process.argv.slice(3));
} else if (/\.[cm]?js$/.test(spec)) {
  await runProgram(spec, []);
} else {
  await runEvents(spec);
}

// Package runtimeapi serves the AWS Lambda Runtime API, version 2018-06-01, inside one
// sandbox: the program there polls for events and posts what became of them.
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
//
// # The model
//
// A [Server] has the listener of one sandbox. [Server.Invoke] hands an event to the
// program's next poll and waits for its answer:
//
//	invoker                 Server                         program in the sandbox
//	                        Ready is closed         <---   GET  runtime/invocation/next (blocks)
//	Invoke(event)     --->  200, headers, payload   --->
//	Result            <---  202                     <---   POST runtime/invocation/{id}/response or /error
//	                                                <---   GET  runtime/invocation/next
//
// A program that cannot initialize posts runtime/init/error instead of its first poll,
// which closes InitFailed.
//
// # What it promises
//
//   - An event goes to exactly one poll; one that could not be written to its poll,
//     because the connection broke, goes to the next.
//   - An event gets exactly one Result. A second answer is refused with 403, an answer
//     to an unknown id with 400, as AWS does.
//   - A buffered answer is at most [MaxPayload] bytes; a streamed one (response mode
//     streaming, or the content type of HTTP integrations) has no limit and is handed
//     on as it comes, in bounded memory.
//   - Everything from the program is hostile: bodies, headers and connections are bounded.
//
// # Extensions
//
// Processes that register (Extensions API, version 2020-01-01) get INVOKE with every event and
// SHUTDOWN at the end. Internal ones are parts of the program; external ones are started by
// package supervisor, which tells the server which to expect and how processes ended, and is
// told when to start the program. [Server.Ready] waits for all of them, [Server.Settle] until
// they are done with an event.
//
// Not served, and answered with 404: the Logs and Telemetry APIs, and SnapStart's restore calls.
package runtimeapi

// Command queue measures the queue of jobs alone: no sandbox runs. It is what bounds jobs
// per second on a machine without bounds.
//
//	go run ./bench/queue -slipway bin/slipway
//
//	children    an array is accepted, its children are dispatched to a runner that does
//	            nothing but report success, and each outcome is recorded
//	one by one  the same with jobs that are submitted by many callers at once, without HTTP
//	HTTP        jobs submitted one by one over REST to a server, whose queue has no invoker
//	            and so only accepts
//
// Everything else is as in production: the engine, an embedded NATS server with its streams
// on disk, and the store, which syncs every commit; -store measures with PostgreSQL. The
// runner takes assignments from the stream and reports to the stream, as an invoker does.
// What the store grew by for each job is printed, too.
package main

// Package invoker runs one invocation to its end, with exactly one outcome each, in
// the sandboxes of one machine.
//
// # The model
//
// An [Invoker] takes events from the bus. For each it gets the version's spec, leases
// an instance from the pool, gives it the event in the protocol its process speaks, and
// hands the answer back as it comes. The lease ends with the event.
//
//	bus -> Invoker -> Pool.Acquire -> instance -> runner -> process in the sandbox
//	                  (Starter.Start when none is free)
//
// A [Starter] makes instances for the pool: a sandbox from the version's image, its
// process started, and noticed within half a millisecond when it is ready. There are
// three runners:
//
//   - http: the process listens on $PORT; HTTP/1.1 over kept connections that are made
//     inside the sandbox's network namespace. Bodies stream both ways. Calls of gRPC go as
//     HTTP/2 without TLS, and so does everything to a process that speaks nothing else.
//   - lambda: the process polls the Runtime API (package runtimeapi).
//   - stdio: one process per event, which starts with its event; an instance that
//     waits for one is a sandbox in which nothing runs yet.
//
// Which one it is, a build finds out: it starts an instance of the new version and
// watches what its process does first. That instance stays in the pool, so the first
// event of a new version is warm.
//
// What an event used is read around it (turn.go): the processor time of the instance's
// control group and the peak of its memory: the event's own where an instance takes one at
// a time, and up to the head of an answer whose body streams.
//
// The pool has an instance frozen that is idle, and its memory moved to swap (ice.go). It
// never is frozen while it has an event. Its health checks pause. The connections that are
// kept to it are dropped before: its process counts their idle time on while it stands
// still, and would close them under the first request. Closing it lets it go on first, so
// that SIGTERM is heard.
//
// An instance that listens is checked as its configuration says (health.go); one that is
// unhealthy is unfit, and the pool replaces it. What is to be kept ready the gateways wish
// for (keep.go); the pool sees to it.
//
// # The invariants
//
//   - An event is given to a process at most once, unless it is certain that the
//     process saw nothing of it, or the method is safe and the connection was stale.
//   - What the user's code did wrong is a slipway.FunctionError in a Response; what the
//     platform could not do is an error. Types and messages of function errors are
//     AWS Lambda's where it has them.
//   - No body is held whole, except the events of handlers (6 MiB) and the first MiB a
//     stdio process prints. What a function prints is read at a bounded rate.
//   - A warm event costs no log line, no JSON (save for handlers) and no question to
//     anybody outside this machine.
//
// # Neighbours
//
// The pool decides which instance an event gets, the packager makes images, the
// sandboxes come from a slipway.Launcher, and the bus brings events and takes states
// and logs. The store is never asked: specs come in messages.
package invoker

// Package gateway turns HTTP into domain calls and domain errors into HTTP.
//
// # Two doors
//
// One listener serves both the API and the events of functions; [Gateway.ServeHTTP]
// tells them apart by the host ([<alias>--]<function>[.<tenant>].<domain>) and by the path
// (/fn/<function>/, for the default tenant).
//
// In front of net/http stands package front, which takes the plainest requests off it.
// The event path (event.go) is a plain http.Handler: it finds the function in an
// in-memory route table (routes.go), chooses an invoker (package gateway/choose), makes
// one round trip on the bus with both bodies streaming, and writes the answer. It reads
// no store, writes no log line and encodes no JSON unless something went wrong.
//
// The API is a table of calls (table.go and table_<topic>.go): method, path, who may call it, what it takes
// and gives, and its handler, one file per resource. The same table registers the
// handlers and makes /openapi.json, so the two cannot drift apart. Every error becomes
// JSON and a status in one place (errors.go).
//
// # Publishing
//
// A deploy adds a version in state building and a build, hands both to an invoker, and
// follows its events (publisher.go, buildrun.go). Only when the invoker has seen an
// instance of the new version ready does the version become ready and live, in one
// transaction of the store; a failure leaves live untouched. Builds belong to the
// gateway, not to the connection that asked for them: a client that goes away stops
// nothing. A gateway that stops fails its builds; one that was killed does so when it
// starts again under the same id.
//
// Several builds of one function may run at once, at several gateways. Whichever order
// they finish in, the store has live end at the highest number, unless somebody has said
// meanwhile where it goes.
//
// # Releases
//
// Versions that have got events only just now are on trial (releases.go): canaries, and
// what a deploy has put live. Their outcomes are counted on the event path without a lock
// (tally.go), gateways tell each other their counts (sharing.go, peers.go), and what
// package canary makes of the sum is a compare-and-set of the alias in the store: all
// gateways may decide, one is heard, and none keeps what could not be counted anew.
//
// # Jobs
//
// Queues, compute environments and definitions are documents of the store (queues.go,
// environments.go, definitions.go); a definition from source is built as a deploy is, and
// ends with a revision instead of a version (definitions_build.go). Submissions are checked
// here and accepted by package batch (jobs.go), which also tells of changes; what is shown
// and followed is read from the store (jobs_follow.go, jobs_logs.go). Uploads for jobs, and
// outputs of those that were forgotten, are deleted when nobody needs them (job_inputs.go).
//
// # Limits
//
// Events of a tenant with max_concurrency need a seat (limits.go) from when they are taken
// until their answer has ended. What functions have reserved is set aside for them.
//
// # Invariants
//
//   - A change made through a gateway is in its route table before the call is answered;
//     other gateways learn of it from the bus, and at the latest when they read all
//     routes again (Config.Refresh).
//   - No body is held in memory whole, in either direction.
//   - A function error and a platform error are never mixed (see the root package).
//
// The gateway knows the store and the blobs only by the interfaces in store.go.
package gateway

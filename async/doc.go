// Package async keeps events that nobody waits for: it accepts them for good, runs them,
// tries again, and delivers what came of them.
//
// # What it promises
//
//   - When [Engine.Accept] returns nil, the event is on disk, and will have exactly one
//     recorded outcome: succeeded, failed, expired or cancelled. kill -9 of any process at
//     any moment changes nothing about that.
//   - An attempt is recorded as begun before the function gets the event. One that a crash
//     interrupted so has its number, and the next has another: the function may get an
//     event twice only so, and sees by the number that it does.
//   - What the function did wrong counts as one of its attempts; what the platform could
//     not do does not.
//   - The outcome and what is to be delivered of it are one transaction. A destination gets
//     an outcome at least once, under the same id each time.
//   - Memory is bounded by what runs, not by what waits: a million events that wait are
//     rows.
//
// # The model
//
//	POST …/invocations, triggers, outcomes of others
//	       │ Accept
//	       ▼
//	 stream EVENTS ──take──▶ row: queued ──claim──▶ running ──end──▶ succeeded, failed,
//	 (202 leaves when             ▲   │                │             expired, cancelled
//	 it is on disk)               │   │ too old,       │                  │ same transaction
//	                              │   │ cancelled      │                  ▼
//	                              │   └──▶ outcome     │               delivery ──▶ function,
//	                              └── again later ─────┘                            queue, NATS,
//	                                  or engine gone                                webhook
//
// The stream is there for the speed of accepting: events that come together are one write
// of the disk, and the store is not in the way. In the store the row is the truth. Every
// arrow between states compares the row with what it expects there (owner and attempt), so
// that of two who act on the same event one is heard.
//
// # Engines
//
// An engine runs in every process that has the store. They share the work through it:
// a claim gives an event to one of them. Each says now and then that it lives; who does
// not any more loses its events to the others, and a process that comes back takes over
// from its earlier life at once. An engine that was thought gone and is not finds that its
// outcomes are not recorded; that is the second way to run an event twice.
//
// # Whose turn it is
//
// The queues (queues.go) give turns round robin to the functions that have events due.
// Each function has a window, at most what its instances take, which halves when the
// platform refuses an event and grows with each that runs. A function that was refused
// rests, and one that is paused is not asked for. So a backlog neither holds up other
// functions nor makes the pool's line longer than its instances can serve.
//
// # Neighbours
//
// The store and the stream (internal/bus) come in by the interfaces in parts.go; so does
// the gateway, which runs events as it runs all others: with its routes, its aliases and
// its limits.
package async

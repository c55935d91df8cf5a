// Package jobs runs the attempts of jobs that an invoker is given, each in a fresh sandbox,
// with exactly one outcome.
//
// # The model
//
// A [Runner] takes assignments from the scheduler: one attempt, or one of each of a range
// of an array's children. They wait in a backlog, the highest priority first, until there
// is room: vCPUs (the sum over what runs is bounded) and memory (a loan of the pool's).
//
//	scheduler ─→ backlog ─→ attempt: image, inputs, sandbox, process ─→ end ─→ report
//	    ↑           │           ↑ freeze, thaw, stop, recall                      │
//	    └───────────┴──────────────── reports, in groups ─────────────────────────┘
//
// A freezable attempt is somebody's leftovers: it has the processor time that functions do
// not want (package yield says who stands still), and when it is of a queue that requeues,
// its memory is theirs, too. What is ended for that is returned, and runs again.
//
// Inputs are unpacked once, mounted read-only, and kept for a while (inputs.go). What is in
// /job/output at the end is packed by the host, out of the sandbox's own root, whose size
// is bounded (output.go).
//
// # The invariants
//
//   - Every attempt is reported with exactly one of ended, returned, refused and unstarted,
//     and with started before that when its process was executed.
//   - What the user sent cannot be run: ended, CannotStart. The platform could not run it:
//     refused.
//   - An attempt holds its vCPUs until its process has ended, and its memory until its
//     sandbox is removed.
//   - Reports about an attempt are in order; each waits for one message at most.
//   - An attempt that prints nothing sends nothing to the log.
//   - After Run nothing is left. After kill -9 the launcher's recovery removes what there
//     was, and the next incarnation knows nothing of it.
//
// # Neighbours
//
// The bus is the Scheduler, the pool lends memory, the packager's store has images and
// archives, internal/sandbox launches. Nobody here touches the store.
package jobs

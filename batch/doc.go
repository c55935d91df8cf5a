// Package batch is the jobs: it accepts them, decides what runs next and where, gives
// attempts to invokers, and records what became of them.
//
// # What it promises
//
//   - A job that [Engine.Submit] has returned is durable, and will end with exactly one
//     outcome. kill -9 of any process at any moment loses no job.
//   - Every attempt that was given to an invoker has exactly one recorded outcome. An
//     attempt may have run and not be known to have ended, when its invoker was killed: it
//     is recorded as lost, and the job runs again with the next attempt number.
//   - Of queues that share an environment the one with the higher priority goes first;
//     limits are never exceeded; a dependency is never overtaken.
//   - Why a job waits can be asked at any moment, and the answer is in numbers.
//
// # The model
//
//	 Submit ──group commit──▶ jobs (rows) ◀──one transaction per turn── scheduler ──▶ JOBWORK ──▶ invoker
//	any gateway                  ▲    │                                     ▲                        │
//	 Cancel, Explain: asked of the scheduler over the bus                   └────── JOBREPORTS ◀─────┘
//
// Rows are the truth. One scheduler at a time, in one of the gateways, holds the lease in
// the store; its epoch fences what it writes. It loads what has not ended into memory,
// and then takes turns: everything that has come since the last turn (new jobs, reports,
// orders of people, invokers that came and went) is worked into its picture of the
// queues, room is given out, and all of it is written in one transaction. Only then is
// anything sent, acknowledged or answered. When a turn cannot be written the scheduler
// forgets its picture and begins again from the rows.
//
// Children of an array have no rows before something happens to them. What waits is
// ranges, what was given is ranges (a [slipway.JobSlice] each), and an ended attempt is
// one short row.
//
// # Neighbours
//
// batch/schedule decides who is next and where, batch/life what an event makes of a job;
// both are without clock, lock or I/O. The invoker takes assignments and reports through
// internal/bus and knows nothing of queues. The gateway calls the Engine.
package batch

// Package life is what events make of jobs: their children, attempts, retries and
// dependencies. It has no clock, no lock and does no I/O: the same calls give the same
// state.
//
// A [Book] holds every job that has not ended. Calls tell it what has happened; [Book.Turn]
// gives what is to be written and sent because of it. A job that is no array is one with
// the single child 0.
//
// # The children of a job
//
//	                  Take                  Report, Lose
//	not begun ───────────────▶ given slice ─────────────────▶ ended: one attempt's row
//	    │                           │ retry, lost                    ▲
//	    │                           ▼                                │
//	    │                     waiting slice ──Take──▶ given slice ───┘
//	    └── cancelled, or a dependency failed ──▶ an ending: one row for a whole range
//
// Children that have not begun are a range from Next on, and nothing else in memory or in
// the store; only those of a job with an N_TO_N dependency, which begin out of order, take
// a byte of memory each.
package life

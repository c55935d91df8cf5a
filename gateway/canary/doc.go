// Package canary decides whether a new version that gets a share of the events goes on
// to the next share, waits, or goes back. It has no clock, no state and no I/O: the same
// counts give the same verdict, whichever gateway asks.
//
// # What is compared
//
// The second version of a split (the canary) with the first (the current one), by what
// both did since the present step began: events, errors (function errors and answers
// with a status from 500) and the function's own time to the head of its answer, of events
// that met a warm instance, in a histogram.
//
// # The tests
//
// Small numbers lie: one error in three events is no error rate of 33 %. A canary goes
// back only when its figure is over the plan's bound and chance is an unlikely
// explanation, with a probability below 1 in 1000 of that. The level is that strict because
// the question is asked every second.
//
//   - Errors: the rate is over max_error_rate and over the current version's; and
//     Fisher's exact test (one-sided) says that the two versions differ. While the
//     current version has had fewer than min_events events, the exact binomial test of
//     the canary's errors against max_error_rate takes its place.
//   - Latency: the limit is the current version's 95th percentile times
//     max_latency_ratio, and 5 ms more than it at least, because a ratio of microseconds
//     is noise. At most one in twenty events of a canary that keeps to the limit is over
//     it; the exact binomial test says when more are than chance explains. This needs
//     min_events of the current version.
//
// Neither test needs a number of events of the canary: when the first twelve of twelve
// fail, that is enough. Going forward does need them: a step ends when its interval has
// passed, the canary has had min_events events in it, and its error rate is within the
// bound.
package canary

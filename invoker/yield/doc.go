// Package yield decides which jobs stand still while functions want the processors of
// their machine. It has no clock, no lock and does nothing: what happens is told to a
// [Rule] together with the time, and out comes whom to freeze and whom to thaw.
//
// # The rule
//
// Jobs have the processors that functions leave. Those of the highest priority come
// first, and of the same priority those that began first; each runs if at least half of
// what it may use is left for it. The first that does not fit stands still, and so does
// every one behind it. Jobs that may not be preempted always run, and take from what is
// left; so do the first jobs of an environment that keeps some vCPUs.
//
//	|<--------------- vCPUs of the machine --------------->|
//	| functions at work |  job, 9  | job, 5 | job, 5 | job, 0
//	                                           stand still
//
// What functions want is the vCPUs that the instances at work are configured for, times
// the share of these that such instances lately did use (see demand). It is averaged over
// some milliseconds: a short event does not stop a job, the kernel gives it way by itself.
//
// Jobs stand still at once, and go on when the functions have wanted less for a while: for
// as long as they stood still before, between a tenth of a second and a second. So a job
// loses at most about twice the time in which its processor was wanted, and is not frozen
// and thawed more than some times per second.
//
// # The invariants
//
//   - A job that may not be preempted never stands still, nor do jobs of an environment
//     that fit into what it keeps.
//   - No job runs while one of a higher priority stands still, but for those.
//   - Nothing stands still when functions want nothing.
//
// Its neighbour is the invoker, which asks it and does what it says.
package yield

// Command burst measures what functions and jobs notice of each other on one machine.
//
//	go run ./bench/burst -slipway bin/slipway
//
// Requests come in bursts: as many clients as there are processors send for a while, each
// its next request after the answer, and then nobody does for as long. A request uses some
// milliseconds of processor time. Jobs, one per processor, each use a few seconds of it.
// In every round the following are measured, one after the other:
//
//	alone       the bursts, without jobs; and the jobs, without bursts
//	never       the bursts beside jobs of a queue with preemption never: as equals
//	freeze      the bursts beside jobs that stand still for functions
//
// The bursts begin when all jobs run and go on until the last has ended, so that "took" of
// the jobs is under the same load. What counts are the ratios within a run.
package main

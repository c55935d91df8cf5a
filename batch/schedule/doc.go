// Package schedule decides which job runs next, and where. It has no clock, no lock and
// does no I/O: the same calls give the same decisions.
//
// A [Board] knows the queues and environments of every tenant, the jobs that have
// children ready to run, and the invokers with what they have and what they were given.
// A [Round] gives out the room there is, one [Grant] after the other.
//
// # The order
//
//	tenants          the one whose jobs use the fewest vCPUs now is next
//	└ queues         the highest priority; of equal ones the queue whose first job is oldest
//	  └ shares       of a fair queue: the least (vCPUs in use + their decayed average) × weight
//	    └ jobs       scheduling priority, then the order in which they were accepted
//	      └ children retries first, then by index
//
// A job whose limit_key is exhausted is passed over; a queue at its max_running waits as a
// whole.
//
// # A job that does not fit
//
// Jobs are strictly in order within a queue and between queues that share an environment,
// but a big job does not idle the cluster: the first job that does not fit holds one
// invoker, the one where it fits soonest. Nothing else is given to that one until the job
// fits there; what is behind it goes on elsewhere. A job that would fit nowhere, even if
// all jobs there ended, holds nothing and is passed over until an invoker with more room
// is seen. A job that waits for max_vcpus of an environment keeps what is left of it from
// those behind.
//
// # Backlog
//
// An invoker is given what fits, and besides as many attempts like that as end there in a
// tenth of a second, so that it does not wait for the scheduler between short ones.
package schedule

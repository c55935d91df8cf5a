// Command jobs measures how many containers run to their end per second, when all that the
// program in them does is to end.
//
//	go run ./bench/jobs -slipway bin/slipway
//
// In every round the following are measured in turn, with 1, 2 and 8 at once:
//
//	slipway   an array of jobs, submitted over REST to a server that keeps every state on
//	          its disk: from the request until the array has SUCCEEDED
//	runner    the same without API, scheduler, bus and store: what the invoker's runner
//	          does alone, with the same sandboxes and limits
//	runc, podman, docker   the command line, one call for each container
//
// The program is static and a few instructions long. Slipway's sandboxes have all that
// they have in production: namespaces, ids of their own, an overlay with a size limit,
// seccomp, limits of processors, memory and processes; no network, as the peers'. What
// counts are the ratios within a run.
//
// A queue without any container is another measurement: bench/queue.
package main

// Command density measures many instances at once: how long it takes until a hundred
// that were not there have all answered, and what memory each costs beside the
// program's own.
//
//	go run ./bench/density -slipway bin/slipway
//
// The program is testdata/hold, static. It is run
//
//   - as plain processes: the floor
//   - in Slipway's sandboxes, made as the invoker does, with shells in stock and without
//   - by slipway serve, as one function of which an instance takes one request at a
//     time; each answer is held back a little there, so that a hundred requests at once
//     need a hundred instances, and that time is taken off the result
//   - by runc, podman and docker, where they are installed
//
// Everything is started eight at a time, as an engine is used by its command line, but
// for slipway serve, which gets all requests at once.
//
// The memory of an instance is what the machine has less of when all are idle. The
// program's own part is its proportional set size (proc_pid_smaps(5), Pss); the rest is
// the platform's: its processes, and what the kernel keeps for namespaces, mounts, control
// groups, links and sockets.
package main

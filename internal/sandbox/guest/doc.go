// Package guest is what runs inside a sandbox before the user's program does. The
// protocol is in the documentation of package sandbox.
//
// # Model
//
// A [Program] is a list of system calls with their arguments, made on the host: by
// [Setup], [Root], [Seal] and [Start], one for each message. The machine (machine.go) runs in
// the sandbox: it receives programs and executes them. It knows of no mounts, users or
// limits, so there is nothing in it to go wrong but one loop, and a call that fails is
// reported by its number, for which the host has a name.
//
// [Spawn] is the life of the process that sandboxes are cloned from.
//
// # Invariants
//
//   - The machine is a copy of one thread of a Go program. It uses nothing of the Go
//     runtime, neither memory nor stack growth nor signals: nosplit functions and
//     RawSyscall only. The tests run it under the race detector, too, which would
//     otherwise add calls of its own: hence norace and nocheckptr.
//   - A program never guesses: the number of every file it goes on to use is checked.
//   - What an image holds is looked at by the host ([LookUp] reads its users), never by
//     code in the sandbox.
package guest

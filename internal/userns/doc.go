// Package userns runs this program as root of a user namespace, for an ordinary user.
//
// # Model
//
// Only root may make mounts, namespaces and sandboxes; but everyone may be root of a
// user namespace, in which the kernel allows what stays inside of it
// (user_namespaces(7)). A program with threads cannot enter one, so [Run] executes this
// program once more, in a new user namespace and a mount namespace, with the same
// arguments and streams, and waits for it:
//
//	the user's process                 its copy, root of the namespace
//	 │── clone, execve ────────────────→│ Init: no ids are mapped yet
//	 │←──────────────────────── one byte│
//	 │ newuidmap, newgidmap             │
//	 │── one byte ─────────────────────→│ main goes on
//	 │── SIGTERM, SIGINT ──────────────→│
//	 │←──────────────────── exit status │
//
// Id 0 of the namespace is the user, and the ids from 1 are the ranges that
// /etc/subuid and /etc/subgid give to the user, when they do and the two setuid programs
// of package uidmap are there; otherwise 0 is the only id.
//
// # Invariants
//
//   - The copy dies with the process that made it, however that ends (PR_SET_PDEATHSIG).
//   - [Current] looks at the kernel's tables, never at the environment: a server that
//     somebody else put into a user namespace, such as a rootless container, knows it.
//
// The only users are cmd/slipway and tests.
package userns

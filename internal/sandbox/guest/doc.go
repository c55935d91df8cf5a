// Package guest is what runs inside a sandbox before the user's program does: the init
// that sets the sandbox up and then executes the program in its own place. The protocol
// is in the documentation of package sandbox, the messages in protocol.go.
//
// The code runs in a process of its own, in one thread, as root of a user namespace.
// It uses the standard library and x/sys only and does little, because its start is a
// part of every sandbox's start. Everything it must know comes by the socket; what it
// cannot do it reports with the step's name, and ends.
package guest

// Package supervisor is the process that an instance runs when its image has external
// extensions: executables in /opt/extensions, as AWS Lambda has them. It is this program
// itself, mounted into the sandbox; images without extensions see nothing of it.
//
// # Model
//
//	names the extensions  ->  POST /slipway/extensions
//	starts them
//	waits for them        ->  GET  /slipway/registered
//	starts the program
//	waits for an end      ->  POST /slipway/exited
//
// All of it goes to the Runtime API of the instance (package runtimeapi), which decides;
// the supervisor knows processes only. It hands SIGTERM on to the program, and kills it
// when the program takes more than a third of its time for that. [Abort] kills it at once.
// When the program has ended, extensions that asked for SHUTDOWN get that event and the rest
// of the time; then the supervisor ends as the program did.
//
// # Invariants
//
//   - Whatever happens, the supervisor ends, and everything in the sandbox with it.
//   - Without anything to start in /opt/extensions it becomes the program (execve).
package supervisor

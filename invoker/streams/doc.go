// Package streams is the standard streams of a process: the pipes to it and from it, and
// what it prints, line by line at a bounded rate.
//
// # The model
//
// An [Output] makes the pipes of standard output and standard error, and reads them until
// their end. Each line goes to whoever asked for it, with the name of its stream; the last
// 4 KiB are kept for messages to people.
//
//	process -> pipe -> Output -> line(stream, text)
//	                        \--> Tail
//
// # The invariants
//
//   - A process that prints faster than a MiB a second and stream for longer than its
//     burst lasts is held back by its own pipe: a flood costs the platform neither memory
//     nor a core.
//   - A line has at most 16 KiB, and is valid UTF-8.
//   - A process that prints nothing costs two pipes and two goroutines that sleep.
//
// Neighbours: the invoker's instances and package jobs, who say what a line belongs to.
package streams

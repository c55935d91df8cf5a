// Command cold measures a cold start: from the moment a program is asked for until its
// first answer with status 200. The program is examples/go-http, static.
//
//	go run ./bench/cold -slipway bin/slipway
//
// Everything takes its turn in every round, so that what else the machine does touches
// all alike:
//
//   - the program as a plain process: the floor
//   - Slipway's sandbox, made, started and dialled as the invoker does, with shells in
//     stock and without, with egress and without; isolation and limits are those of a
//     function
//   - slipway serve: one HTTP event to a function that has no instance
//   - runc with the host's network, podman and docker with a published port: where
//     they are installed, in some of the rounds because they take their time
//
// What is made for a start is removed before the next begins, and the kernel is given a
// moment to do so; the time for that is not measured. Nothing is warmed up but by the rounds before.
package main

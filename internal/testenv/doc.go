// Package testenv gives tests the real programs they need: a PostgreSQL, a nats-server,
// free ports, and a way to wait for a condition. It is for tests of every package and
// imports nothing but the standard library.
//
// # What it promises
//
//   - [Postgres] gives each test an empty database of its own on a server that the
//     tests of one process share; [NATS] gives each test a server of its own.
//   - Everything listens on 127.0.0.1 only, on ports the kernel chose, and keeps its
//     data in temporary folders.
//   - Nothing outlives the test process, however that ends: a panic, a timeout of go
//     test and kill -9 included. Each program runs under a small shell that waits for
//     the end of a pipe from the test process, then stops the program and removes its
//     folder. The kernel closes the pipe when the process is gone.
//   - Where a program is missing, the test is skipped with the name of what to
//     install; with CI=true in the environment it fails instead. [Require] is the one
//     place that decides.
package testenv

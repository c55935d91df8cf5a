// Command thaw measures how soon a paused program answers: from the moment it may go on
// until its first answer with status 200. The program is examples/go-http, static.
//
//	go run ./bench/thaw -slipway bin/slipway
//
// Everything takes its turn in every round:
//
//   - Slipway's sandbox warm, over a kept connection and over a new one: what is left of
//     the others is the price of having been frozen
//   - the sandbox frozen, and frozen with its memory in swap (zram, where this process may
//     switch it on); the instance drops what it keeps before it is frozen, so the
//     connection is new
//   - slipway serve: one HTTP event to an instance that is warm, and to one that the pool
//     has frozen
//   - runc resume, podman unpause and docker unpause, by their command lines, where they
//     are installed, in some of the rounds
package main

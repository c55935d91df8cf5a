// Command pipeline runs the batch pipeline of examples/pipeline on real data, the source
// text of Go's own library, against a throw-away server, and draws its timeline.
//
//	go run ./bench/pipeline -slipway bin/slipway -svg docs/tutorial/pipeline.svg
//
// It types what a person types. Every step must end as it is meant to: an array that
// counts, a total that gets more memory after it ran out of it, a report, a check that
// fails, and an alarm that waits for that.
package main

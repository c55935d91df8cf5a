// Command neighbours measures what a well-behaved function notices of a hostile one on
// the same server: the time from the moment a request was due until its answer, alone and
// beside each of the hostile ones.
//
//	go run ./bench/neighbours -slipway bin/slipway
//
// The neighbour is examples/go-http with one instance; it is sent a request every few
// milliseconds over one kept connection, whether the one before was answered in time or
// not. The hostile function has the limits that are printed, and does one thing at a time
// for as long as the measurement takes: processes that make processes, memory until it is
// killed and again, a disk that is full and again, lines of log, a loop, connections to
// the outside. What comes of it is the last column. Each is measured beside right after
// alone, in every round, so that what else the machine does touches both alike.
package main

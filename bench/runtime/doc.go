// Command runtime measures what a handler costs above what it is written in.
//
//	go run ./bench/runtime -slipway bin/slipway
//
// Events: one static program answers the same events in each protocol that there is: as a
// plain process, listening on $PORT behind slipway serve, polling the Runtime API there,
// and started for each event. What the second and the third differ by is the Runtime API's
// overhead, payload format 2.0 included.
//
// Cold starts: a handler in Python and one in Node that do nothing, from an HTTP event to a
// function without an instance until the answer; beside them the bare interpreter of the
// same image, started in the same kind of sandbox with nothing to do and waited for until
// it has ended (a function that reads its standard input, with the command python3 -c pass);
// and this machine's own interpreter as a plain process, where there is one: that may be
// another version.
//
// All take turns, round by round.
package main

// Command step measures what a sudden load costs: one connection that sends events for a
// while, and then fifty, to a function whose instances take one event at a time.
//
//	go run ./bench/step -slipway bin/slipway
//
// The function (bench/step/program) works for 50 milliseconds on each event, so that fifty
// at once need fifty instances, of which all but one have to be started. It is the same
// in each round, and deployed anew, so that every round begins with the one instance that
// the deploy has checked.
//
// The table has a line for every tenth of a second after the step: how many answers
// came, how long the events that were answered then had taken, and how many instances had
// answered by then. Figures are the medians of the rounds; drops are events that got no
// answer with status 200, in all rounds together.
package main

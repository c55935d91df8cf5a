// Command warm measures what lies between a client and a function that is warm: Slipway
// beside the program itself, Go's httputil.ReverseProxy and nginx.
//
//	go run ./bench/warm -slipway bin/slipway
//
// All of them answer with the same program, examples/go-http, each in its turn and
// again in the next round, so that what else the machine does touches all alike. The
// load comes from wrk, or from a generator of its own where wrk is missing. Slipway's
// function has all processors and takes 100 events at once, as a service does; the
// sandbox is the usual one.
//
// A figure is the median of the rounds; a ratio is the median of the rounds' ratios.
// CPU is what the serving processes used, the program included, for one request.
package main

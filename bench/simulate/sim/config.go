package sim

import "time"

// Config is the cluster and the times that things take in it. They are the same for
// everything that is compared.
type Config struct {
	Invokers    int
	MemoryMB    int           // of each
	Gateways    int           // arrivals go to them in turn
	Concurrency int           // invocations at once per instance
	MaxScale    int           // instances of a function at most
	Skip        time.Duration // from the begin, that is not measured: what learns has learnt by then

	Start  time.Duration // of a sandbox with a program that is ready at once
	Init   time.Duration // median of what functions take beyond that
	Spread float64       // σ of Init over functions, lognormal
	Close  time.Duration // of an instance, until its memory is free
	Thaw   time.Duration // of a frozen instance
	Return time.Duration // of a reclaimed instance's memory, beside Thaw
	Moved  float64       // the part of its memory that a reclaimed instance gave to swap
	Kept   float64       // the part of its memory that it takes still, in swap that is compressed memory too

	Hop   time.Duration // from a gateway to an invoker
	Pause time.Duration // between two states that an invoker publishes, at least
	Sweep time.Duration // how late ledgers look for what is due

	Seed uint64
}

// Defaults are the times that the benchmarks of this repository measured
// (docs/reference/performance.md), and for what users' code does a guess.
func Defaults() Config {
	return Config{
		Invokers: 200, MemoryMB: 16 << 10, Gateways: 2, Concurrency: 1, MaxScale: 1000, Skip: 6 * time.Hour,
		Start: 6 * time.Millisecond, Init: 100 * time.Millisecond, Spread: 1, Close: 50 * time.Millisecond,
		Thaw: time.Millisecond, Return: 20 * time.Millisecond, Moved: 0.8, Kept: 0.6,
		Hop: 200 * time.Microsecond, Pause: 5 * time.Millisecond, Sweep: 250 * time.Millisecond, Seed: 1,
	}
}

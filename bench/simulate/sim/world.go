package sim

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/bench/simulate/trace"
)

// World is one simulation.
type World struct {
	clock
	cfg       Config
	trace     *trace.Trace
	random    *rand.Rand
	functions []function
	platform  platform
	meter     meter
	result    Result
	pending   int           // invocations that have not ended
	broken    error         // the first promise that a policy did not keep
	spare     []*invocation // to be used again
}

// platform serves invocations: each that arrives begins or is refused in time.
type platform interface {
	arrive(inv *invocation)
	// ended says that a run is over; the instance has counted it off already.
	ended(inv *invocation)
}

// function is what the simulation knows of one.
type function struct {
	spec        slipway.Spec
	start       time.Duration
	calls, cold int // measured
}

// invocation is one, from its arrival to its end.
type invocation struct {
	function int
	arrived  time.Duration
	duration time.Duration
	instance *instance // that runs it
	node     int       // where it was sent
	tries    int
	route    routed
}

// instance is memory that is held for a function.
type instance struct {
	function int
	node     int
	memoryMB int
	number   int // in the order of starts
	state    state
	since    time.Duration
	inFlight int
	served   int

	shelved shelved // for policies that are not ours
}

// Done never closes: instances of a simulation do not end by themselves.
func (*instance) Done() <-chan struct{} { return nil }

// began is when traces begin: for code that wants a time of day.
var began = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func (w *World) time() time.Time { return began.Add(w.now) }

func newWorld(cfg Config, t *trace.Trace) *World {
	w := &World{cfg: cfg, trace: t, random: rand.New(rand.NewPCG(cfg.Seed, 1))}
	w.meter = meter{from: cfg.Skip, until: t.Length(), live: map[*instance]struct{}{}}
	drawn := rand.New(rand.NewPCG(cfg.Seed, 2)) // the same for all policies
	w.functions = make([]function, len(t.Functions))
	for i := range t.Functions {
		f := &w.functions[i]
		f.spec.VersionRef = slipway.VersionRef{Tenant: slipway.DefaultTenant, Function: strconv.Itoa(i), Version: 1}
		f.spec.Config = slipway.DefaultConfig()
		f.spec.Config.MemoryMB = min(t.Functions[i].MemoryMB, cfg.MemoryMB)
		f.spec.Config.Scaling.Max, f.spec.Config.Scaling.Concurrency = cfg.MaxScale, cfg.Concurrency
		f.start = cfg.Start + time.Duration(float64(cfg.Init)*math.Exp(cfg.Spread*drawn.NormFloat64()))
	}
	return w
}

// run has every invocation of the trace arrive and waits until all have ended.
func (w *World) run() (Result, error) {
	arrivals := w.trace.Arrivals(w.cfg.Seed)
	a, more := arrivals.Next()
	for (more || w.pending > 0) && w.broken == nil {
		due, some := w.next()
		if more && (!some || a.At <= due) {
			w.now = a.At
			w.arrive(a)
			a, more = arrivals.Next()
			continue
		}
		w.pop().happen(w)
		w.result.Events++
	}
	w.meter.finish()
	w.result.finish(w)
	return w.result, w.broken
}

func (w *World) arrive(a trace.Arrival) {
	w.pending++
	w.result.Events++
	inv := w.invocation()
	*inv = invocation{function: a.Function, arrived: w.now, duration: a.Duration, node: -1}
	w.platform.arrive(inv)
}

func (w *World) invocation() *invocation {
	if n := len(w.spare); n > 0 {
		inv := w.spare[n-1]
		w.spare = w.spare[:n-1]
		return inv
	}
	return &invocation{}
}

// how an invocation came by its instance.
type how int

const (
	warm   how = iota // it was free
	thawed            // it was frozen
	queued            // another invocation's end was waited for
	cold              // its start was waited for
)

// begin runs inv on an instance that has a free slot.
func (w *World) begin(inv *invocation, on *instance, how how) {
	if on.state != idle && on.state != busy || on.inFlight >= w.cfg.Concurrency {
		w.breach("an event was given to instance %d, which has %d already, or does not run", on.number, on.inFlight)
	}
	inv.instance = on
	on.inFlight++
	on.served++
	w.meter.set(on, busy, w.now)
	if w.measured(inv) {
		w.result.began(w.now-inv.arrived, how)
		w.functions[inv.function].calls++
		if how == cold {
			w.functions[inv.function].cold++
		}
	}
	w.after(inv.duration, (*ending)(inv))
}

// breach ends the simulation.
func (w *World) breach(format string, args ...any) {
	if w.broken == nil {
		w.broken = fmt.Errorf("after %v: "+format, append([]any{w.now}, args...)...)
	}
}

func (w *World) measured(inv *invocation) bool { return inv.arrived >= w.cfg.Skip }

// refuse ends inv without a run.
func (w *World) refuse(inv *invocation) {
	if w.measured(inv) {
		w.result.Invocations++
		w.result.Refused++
	}
	w.end(inv)
}

func (w *World) end(inv *invocation) {
	w.pending--
	*inv = invocation{}
	w.spare = append(w.spare, inv)
}

// ending is a run that is over.
type ending invocation

func (e *ending) happen(w *World) {
	inv := (*invocation)(e)
	on := inv.instance
	if on.inFlight--; on.inFlight == 0 {
		w.meter.set(on, idle, w.now)
	}
	w.platform.ended(inv)
	w.end(inv)
}

// launch makes an instance; started happens when it is ready.
func (w *World) launch(function, node int, started func(*instance) action) *instance {
	f := &w.functions[function]
	on := &instance{function: function, node: node, memoryMB: f.spec.Config.MemoryMB, number: w.result.launched, since: w.now}
	w.result.launched++
	w.meter.live[on] = struct{}{}
	if w.now >= w.cfg.Skip {
		w.result.Starts++
	}
	jitter := 0.9 + 0.2*w.random.Float64()
	w.after(time.Duration(float64(f.start)*jitter), started(on))
	return on
}

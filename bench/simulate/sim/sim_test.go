package sim_test

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/slipway-run/slipway/bench/simulate/sim"
	"github.com/slipway-run/slipway/bench/simulate/trace"
)

var policies = []sim.Policy{
	{Name: "ours", Kind: sim.Ours, Routing: sim.Choose, Keep: 10 * time.Minute, KeepMin: 30 * time.Second},
	{Name: "ours", Kind: sim.Ours, Routing: sim.Random, Keep: 10 * time.Minute, KeepMin: 30 * time.Second},
	{Name: "ours", Kind: sim.Ours, Routing: sim.LeastLoaded, Keep: 10 * time.Minute, KeepMin: 30 * time.Second},
	{Name: "ours", Kind: sim.Ours, Routing: sim.Hash, Keep: 10 * time.Minute, KeepMin: 30 * time.Second},
	{Name: "fixed", Kind: sim.Fixed, Routing: sim.Choose, Keep: 10 * time.Minute},
	{Name: "hybrid", Kind: sim.Hybrid, Routing: sim.Choose},
	{Name: "knative", Kind: sim.Knative},
}

func run(t *testing.T, cfg sim.Config, tr *trace.Trace, p sim.Policy) sim.Result {
	t.Helper()
	r, err := sim.Run(cfg, tr, p)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// tight is a cluster whose memory is short: there are evictions and refusals.
func tight() (sim.Config, *trace.Trace) {
	cfg := sim.Defaults()
	cfg.Invokers, cfg.MemoryMB, cfg.Skip = 4, 1500, 0
	return cfg, trace.Generate(trace.Synthetic{Functions: 40, Days: 1, MaxPerDay: 1500, Seed: 5})
}

// TestConservation: every invocation ends once, on every policy.
func TestConservation(t *testing.T) {
	cfg, tr := tight()
	for _, p := range policies {
		t.Run(p.Name+" "+string(p.Routing), func(t *testing.T) {
			r := run(t, cfg, tr, p)
			if r.Invocations != tr.Invocations() {
				t.Errorf("%d invocations ended of %d", r.Invocations, tr.Invocations())
			}
			if r.Cold > r.Starts || r.Waited < r.Cold || r.Starts == 0 {
				t.Errorf("%d cold of %d starts, %d waited", r.Cold, r.Starts, r.Waited)
			}
			capacity := float64(cfg.Invokers*cfg.MemoryMB) / 1024 * tr.Length().Hours()
			if m := r.Memory; m.Total <= 0 || m.Total > capacity {
				t.Errorf("%.1f GiB·h were used of %.1f", m.Total, capacity)
			}
		})
	}
}

// TestDeterminism: the same seed gives the same result, to the last digit.
func TestDeterminism(t *testing.T) {
	cfg, tr := tight()
	for _, p := range policies {
		if a, b := run(t, cfg, tr, p), run(t, cfg, tr, p); !reflect.DeepEqual(a, b) {
			t.Errorf("%s, %s:\n%+v\n%+v", p.Name, p.Routing, a, b)
		}
	}
}

// TestErlangC: one function with Poisson arrivals, exponential runs and at most c
// instances that never go is the queue M/M/c, of which Erlang's formula says how many
// wait.
func TestErlangC(t *testing.T) {
	const c, load, service = 5, 4.0, 100 * time.Millisecond
	tr := poisson(200_000, load/service.Seconds(), service)
	cfg := sim.Defaults()
	cfg.Invokers, cfg.Gateways, cfg.MaxScale, cfg.Skip = 1, 1, c, tr.Length()/10
	cfg.Start, cfg.Init, cfg.Hop = time.Millisecond, 0, 0
	for _, p := range []sim.Policy{
		{Name: "ours", Kind: sim.Ours, Routing: sim.Choose, Keep: 24 * time.Hour, KeepMin: 24 * time.Hour},
	} {
		r := run(t, cfg, tr, p)
		got, want := r.WaitedPercent()/100, erlangC(c, load)
		if math.Abs(got-want) > 0.02 {
			t.Errorf("%s: %.4f wait, want %.4f", p.Name, got, want)
		}
		// Given that one waits, the wait is exponential with rate (c - load) / service.
		rate := (c - load) / service.Seconds()
		p99 := math.Log(want/0.01) / rate
		if math.Abs(r.WaitP99.Seconds()-p99) > 0.1*p99 {
			t.Errorf("%s: the 99th percentile of waits is %v, want %.3f s", p.Name, r.WaitP99, p99)
		}
	}
}

func poisson(n int, perSecond float64, service time.Duration) *trace.Trace {
	random := rand.New(rand.NewPCG(1, 2))
	arrivals, now := make([]trace.Arrival, n), 0.0
	for i := range arrivals {
		now += random.ExpFloat64() / perSecond
		arrivals[i] = trace.Arrival{At: time.Duration(now * 1e9), Duration: time.Duration(random.ExpFloat64() * float64(service))}
	}
	return trace.Of([]trace.Function{{App: "a", Name: "f", MemoryMB: 128}}, arrivals)
}

// erlangC is the share of those who wait in M/M/c with that offered load.
func erlangC(c int, load float64) float64 {
	term, sum := 1.0, 1.0
	for k := 1; k < c; k++ {
		term *= load / float64(k)
		sum += term
	}
	last := term * load / float64(c) * float64(c) / (float64(c) - load)
	return last / (sum + last)
}

// at is one function of 1 GiB with an event of a second at each of the minutes.
func at(minutes ...float64) *trace.Trace {
	var arrivals []trace.Arrival
	for _, m := range minutes {
		arrivals = append(arrivals, trace.Arrival{At: time.Duration(m * float64(time.Minute)), Duration: time.Second})
	}
	return trace.Of([]trace.Function{{App: "a", Name: "f", MemoryMB: 1024}}, arrivals)
}

// TestRhythm: policies that learn have an instance ready for what comes every half an
// hour, and hold little memory for it.
func TestRhythm(t *testing.T) {
	var minutes []float64
	for i := range 60 {
		minutes = append(minutes, float64(30*i))
	}
	cfg := sim.Defaults()
	cfg.Invokers, cfg.Skip = 3, 15*time.Hour
	for _, p := range []sim.Policy{
		{Name: "ours", Kind: sim.Ours, Routing: sim.Choose, Keep: time.Hour, KeepMin: 30 * time.Second},
		{Name: "hybrid", Kind: sim.Hybrid, Routing: sim.Choose},
	} {
		r := run(t, cfg, at(minutes...), p)
		if r.Cold > 0 || r.Memory.Total > 0.3*14.5 {
			t.Errorf("%s: %d of %d are cold, 1 GiB was held for %.1f hours of 14.5", p.Name, r.Cold, r.Invocations, r.Memory.Total)
		}
	}
}

// TestKnative: the last pod goes when its windows have passed, and the grace.
func TestKnative(t *testing.T) {
	cfg := sim.Defaults()
	cfg.Invokers, cfg.Skip = 3, 0
	r := run(t, cfg, at(0, 1, 10), sim.Policy{Kind: sim.Knative})
	if r.Cold != 2 {
		t.Errorf("%d are cold of events after 0, 1 and 10 minutes; want 2", r.Cold)
	}
	if idle := r.Memory.Idle * 3600; idle < 60+60 || idle > 60+2*100 {
		t.Errorf("1 GiB was idle for %.0f s", idle)
	}
}

// TestFixed: an instance serves what comes within its time and is gone after it.
func TestFixed(t *testing.T) {
	cfg := sim.Defaults()
	cfg.Invokers, cfg.Skip = 3, 0
	for _, tt := range []struct {
		name string
		t    *trace.Trace
		cold int
	}{
		{"within", at(0, 9, 18, 27), 1},
		{"beyond", at(0, 11, 22, 33), 4},
		{"at once", at(0, 0, 0, 5), 3},
	} {
		if r := run(t, cfg, tt.t, sim.Policy{Kind: sim.Fixed, Routing: sim.Choose, Keep: 10 * time.Minute}); r.Cold != tt.cold {
			t.Errorf("%s: %d of %d were cold, want %d", tt.name, r.Cold, r.Invocations, tt.cold)
		}
	}
	r := run(t, cfg, at(0, 60), sim.Policy{Kind: sim.Fixed, Routing: sim.Choose, Keep: 10 * time.Minute})
	if idle := r.Memory.Idle * 60; math.Abs(idle-11) > 0.1 { // until the trace ends, a minute after the second
		t.Errorf("1 GiB was idle for %.2f minutes, want 10 and 1", idle)
	}
}

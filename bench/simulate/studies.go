package main

import (
	"fmt"
	"time"

	"github.com/slipway-run/slipway/bench/simulate/sim"
	"github.com/slipway-run/slipway/bench/simulate/trace"
)

// study is runs that are compared with each other.
type study struct {
	Name  string        `json:"study"`
	About string        `json:"about"`
	Runs  []*simulation `json:"runs"`
}

// simulation is one run of a study.
type simulation struct {
	Family   string     `json:"family"` // of policies: those that differ in one parameter
	Label    string     `json:"label"`
	Invokers int        `json:"invokers"`
	MemoryMB int        `json:"invoker_memory_mb"`
	Result   sim.Result `json:"result"`

	cfg    sim.Config
	policy sim.Policy
}

func (s *simulation) run(t *trace.Trace) (err error) {
	s.Result, err = sim.Run(s.cfg, t, s.policy)
	return err
}

func (s *study) add(cfg sim.Config, family, label string, p sim.Policy) {
	p.Name = family
	s.Runs = append(s.Runs, &simulation{Family: family, Label: label, Invokers: cfg.Invokers, MemoryMB: cfg.MemoryMB, cfg: cfg, policy: p})
}

// keepMin is the least that functions say by default.
const keepMin = 30 * time.Second

func ours(keep time.Duration, routing sim.Routing) sim.Policy {
	return sim.Policy{Kind: sim.Ours, Routing: routing, Keep: keep, KeepMin: min(keep, keepMin), Reclaim: true}
}

func fixed(keep time.Duration) sim.Policy {
	return sim.Policy{Kind: sim.Fixed, Routing: sim.Choose, Keep: keep}
}

// keepStudy: how long to keep what is idle. Each policy draws its curve of cold
// invocations against memory.
func keepStudy(cfg sim.Config) *study {
	s := &study{Name: "keep", About: "Cold starts and memory, machines large enough"}
	for _, keep := range []time.Duration{time.Minute, 5 * time.Minute, 10 * time.Minute, 20 * time.Minute, time.Hour} {
		s.add(cfg, "fixed keep-alive", short(keep), fixed(keep))
	}
	s.add(cfg, "hybrid histogram", "", sim.Policy{Kind: sim.Hybrid, Routing: sim.Choose})
	s.add(cfg, "Knative", "", sim.Policy{Kind: sim.Knative})
	for _, reclaim := range []bool{true, false} {
		for _, keep := range []time.Duration{10 * time.Minute, 20 * time.Minute, time.Hour, 4 * time.Hour} {
			p, family := ours(keep, sim.Choose), "Slipway"
			if p.Reclaim = reclaim; !reclaim {
				family = "Slipway, without swap"
			}
			s.add(cfg, family, short(keep), p)
		}
	}
	return s
}

// scaleStudy is two policies alone, for clusters and traces that are large.
func scaleStudy(cfg sim.Config) *study {
	s := &study{Name: "scale", About: "Slipway and a fixed keep-alive"}
	s.add(cfg, "fixed keep-alive", "10m", fixed(10*time.Minute))
	s.add(cfg, "Slipway", "1h", ours(time.Hour, sim.Choose))
	return s
}

// memoryStudy: machines that cannot keep everything. Their size is a part of what one
// instance of every function would take.
func memoryStudy(cfg sim.Config, t *trace.Trace) *study {
	s := &study{Name: "memory", About: "Cold starts on machines that are short of memory"}
	all := 0
	for _, f := range t.Functions {
		all += f.MemoryMB
	}
	const largest = 8 << 10 // MiB: fewer and larger machines, or the smallest would hold nothing
	cfg.Invokers = max(4, all/2/largest)
	for _, part := range []int{12, 16, 20, 24} {
		cfg.MemoryMB = all * part / 24 / cfg.Invokers
		label := fmt.Sprintf("%d %%", part*100/24)
		s.add(cfg, "fixed keep-alive, 10m", label, fixed(10*time.Minute))
		s.add(cfg, "Slipway, 4h", label, ours(4*time.Hour, sim.Choose))
	}
	return s
}

// routingStudy: which invoker an invocation goes to.
func routingStudy(cfg sim.Config) *study {
	s := &study{Name: "routing", About: "Choosing among invokers"}
	const keep = 10 * time.Minute
	s.add(cfg, "Slipway", "", ours(keep, sim.Choose))
	slow := cfg
	slow.Pause = time.Second
	s.add(slow, "Slipway, states each second", "", ours(keep, sim.Choose))
	many := slow
	many.Gateways = 8
	s.add(many, "the same, 8 gateways", "", ours(keep, sim.Choose))
	s.add(cfg, "consistent hashing", "", ours(keep, sim.Hash))
	s.add(cfg, "least loaded", "", ours(keep, sim.LeastLoaded))
	s.add(cfg, "random", "", ours(keep, sim.Random))
	return s
}

// short is 5m rather than 5m0s.
func short(d time.Duration) string {
	switch {
	case d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d%time.Minute == 0:
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return d.String()
}

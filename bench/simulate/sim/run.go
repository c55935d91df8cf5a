package sim

import (
	"fmt"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/bench/simulate/trace"
)

// Policy is one way to decide.
type Policy struct {
	Name    string
	Kind    Kind
	Routing Routing
	Keep    time.Duration // Fixed: how long idle instances stay; Ours: at most
	KeepMin time.Duration // Ours: at least
	Reclaim bool          // Ours: the memory of what is frozen goes to swap
}

// Kind is what decides on starts and stops.
type Kind string

// The kinds.
const (
	Ours    Kind = "ours"
	Fixed   Kind = "fixed"
	Hybrid  Kind = "hybrid"
	Knative Kind = "knative"
)

// Routing is what decides which invoker an invocation goes to. Knative has its own.
type Routing string

// The routings.
const (
	Choose      Routing = "ours"
	Random      Routing = "random"
	LeastLoaded Routing = "least loaded"
	Hash        Routing = "hash"
)

// Run simulates a policy on the arrivals of a trace.
func Run(cfg Config, t *trace.Trace, p Policy) (Result, error) {
	w, err := build(cfg, t, p)
	if err != nil {
		return Result{}, err
	}
	return w.run()
}

func build(cfg Config, t *trace.Trace, p Policy) (*World, error) {
	w := newWorld(cfg, t)
	w.result.Policy, w.result.Routing = p.Name, string(p.Routing)
	for i := range w.functions {
		s := &w.functions[i].spec.Config.Scaling
		s.IdleTimeout, s.IdleMin = slipway.Duration(p.Keep), slipway.Duration(p.KeepMin)
	}
	if cfg.Concurrency != 1 && (p.Kind == Fixed || p.Kind == Hybrid) {
		return nil, fmt.Errorf("a %s keep-alive runs one invocation at a time", p.Kind)
	}
	if p.Kind == Knative {
		w.platform = newKnative(w)
		return w, nil
	}
	c := &cluster{w: w}
	w.platform = c
	var windows windows
	switch p.Kind {
	case Ours:
	case Fixed:
		windows = fixed(p.Keep)
	case Hybrid:
		windows = newHybrid(len(w.functions))
	default:
		return nil, fmt.Errorf("%q is no kind of policy", p.Kind)
	}
	for i := range cfg.Invokers {
		if p.Kind == Ours {
			c.nodes = append(c.nodes, newPooled(c, i, p.Reclaim))
		} else {
			c.nodes = append(c.nodes, newWindowed(c, i, windows))
		}
	}
	switch p.Routing {
	case Choose:
		c.router = newChosen(c)
	case Random:
		c.router = spread{c}
	case LeastLoaded:
		c.router = &leastLoaded{c: c, flying: make([]int, cfg.Invokers)}
	case Hash:
		c.router = newHashed(c)
	default:
		return nil, fmt.Errorf("%q is no routing", p.Routing)
	}
	return w, nil
}

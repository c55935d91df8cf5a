package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/slipway-run/slipway/bench/rig"
	"github.com/slipway-run/slipway/internal/sandbox"
)

// fleet is one way to run many instances.
type fleet interface {
	// start returns when all have answered, with how long each took.
	start(ctx context.Context, n int) (burst, error)
	// stop ends them.
	stop() error
}

// burst is how long many starts took.
type burst struct {
	all  time.Duration   // until the last answer
	each []time.Duration // from when one was asked for until its answer
}

// contender is a fleet and what was measured of it.
type contender struct {
	name   string
	rounds int
	fleet  fleet
	took   []time.Duration // until all had answered
	each   []time.Duration // of all rounds
	own    []int64         // bytes per instance, the program's
	rest   []int64         // bytes per instance, the platform's
}

type bench struct {
	binary             string
	n                  int
	rounds, peerRounds int
}

func main() {
	sandbox.Init()
	var b bench
	flag.StringVar(&b.binary, "slipway", "bin/slipway", "the slipway binary")
	flag.IntVar(&b.n, "instances", 100, "how many at once")
	flag.IntVar(&b.rounds, "rounds", 3, "how often the fast ones are measured")
	flag.IntVar(&b.peerRounds, "peer-rounds", 1, "how often runc, podman and docker are")
	flag.Parse()
	rig.Main(b.run)
}

func (b *bench) run(ctx context.Context, w io.Writer) error {
	dir, remove, err := rig.Folder("density")
	defer remove()
	if err != nil {
		return err
	}
	program, err := rig.Compile(ctx, "bench/density/testdata/hold", dir)
	if err != nil {
		return err
	}
	contenders, missing, stop, err := b.contenders(ctx, program, dir)
	defer stop()
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%d instances, %d rounds, peers in %d\n", b.n, b.rounds, b.peerRounds)
	for round := range b.rounds {
		for _, c := range contenders {
			if round >= c.rounds {
				continue
			}
			if err := c.measure(ctx, b.n, program); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
		}
	}
	report(w, b.n, contenders)
	if len(missing) > 0 {
		fmt.Fprintf(w, "\nNot measured: %s\n", strings.Join(missing, ", "))
	}
	return nil
}

// contenders prepares all that can be measured; stop ends it.
func (b *bench) contenders(ctx context.Context, program, dir string) (all []*contender, missing []string, stop func(), err error) {
	var stops []func()
	stop = func() {
		for i := len(stops) - 1; i >= 0; i-- {
			stops[i]()
		}
	}
	all = append(all, &contender{name: "plain processes", rounds: b.rounds, fleet: &processes{program: program}})
	for _, shells := range []int{stocked, none} {
		boxes, stopBoxes, err := newSandboxes(ctx, program, dir, shells)
		stops = append(stops, stopBoxes)
		if err != nil {
			return nil, nil, stop, err
		}
		all = append(all, &contender{name: "slipway sandboxes, shells: " + stock(shells), rounds: b.rounds, fleet: boxes})
	}
	for _, shells := range []int{stocked, none} {
		server, err := newFunction(ctx, b.binary, program, b.n, shells)
		if err != nil {
			return nil, nil, stop, err
		}
		stops = append(stops, server.close)
		all = append(all, &contender{name: "slipway serve, shells: " + stock(shells), rounds: b.rounds, fleet: server})
	}
	if b.peerRounds == 0 {
		return all, nil, stop, nil
	}
	peers, missing := rig.Peers(ctx, program, dir)
	for _, p := range peers {
		stops = append(stops, p.Remove)
		all = append(all, &contender{name: p.Name, rounds: b.peerRounds, fleet: &containers{peer: p}})
	}
	return all, missing, stop, nil
}

// How many blank sandboxes are kept, as --shells says it.
const (
	stocked = 0 // the default
	none    = -1
)

func stock(shells int) string {
	if shells == none {
		return "none"
	}
	return "stock"
}

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

type bench struct {
	binary, program    string
	rounds, peerRounds int
	missing            []string // what was not measured, and why
}

// contender is one way to get the program to answer.
type contender struct {
	name   string
	rounds int // it takes part in the first so many
	// once starts the program, has it answer and removes it; took is until the answer.
	once func(ctx context.Context) (took time.Duration, err error)
	took []time.Duration
}

func main() {
	sandbox.Init()
	var b bench
	flag.StringVar(&b.binary, "slipway", "bin/slipway", "the slipway binary")
	flag.StringVar(&b.program, "program", "examples/go-http", "folder of the Go program that answers")
	flag.IntVar(&b.rounds, "rounds", 60, "how often the fast ones are started")
	flag.IntVar(&b.peerRounds, "peer-rounds", 15, "how often runc, podman and docker are")
	flag.Parse()
	rig.Main(b.run)
}

func (b *bench) run(ctx context.Context, w io.Writer) error {
	dir, remove, err := rig.Folder("cold")
	defer remove()
	if err != nil {
		return err
	}
	program, err := rig.Compile(ctx, b.program, dir)
	if err != nil {
		return err
	}
	contenders, stop, err := b.contenders(ctx, program, dir)
	defer stop()
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%d rounds, peers in %d\n", b.rounds, b.peerRounds)
	for round := range b.rounds {
		for _, c := range contenders {
			if round >= c.rounds {
				continue
			}
			took, err := c.once(ctx)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			c.took = append(c.took, took)
			settle(ctx)
		}
	}
	report(w, contenders)
	if len(b.missing) > 0 {
		fmt.Fprintf(w, "\nNot measured: %s\n", strings.Join(b.missing, ", "))
	}
	return nil
}

// settle lets the kernel take namespaces and links apart, which it does after the
// programs that ask for it have gone on.
func settle(ctx context.Context) {
	select {
	case <-time.After(100 * time.Millisecond):
	case <-ctx.Done():
	}
}

// contenders prepares all that can be measured; stop ends it.
func (b *bench) contenders(ctx context.Context, program, dir string) (all []*contender, stop func(), err error) {
	var stops []func()
	stop = func() {
		for i := len(stops) - 1; i >= 0; i-- {
			stops[i]()
		}
	}
	all = append(all, &contender{name: floor, rounds: b.rounds, once: plain{program}.once})
	ours, stopOurs, err := newSandboxes(ctx, program, dir)
	stops = append(stops, stopOurs)
	if err != nil {
		return nil, stop, err
	}
	for _, o := range ours {
		all = append(all, &contender{name: o.name, rounds: b.rounds, once: o.once})
	}
	server, err := startServer(ctx, b.binary, program)
	if err != nil {
		return nil, stop, err
	}
	stops = append(stops, server.stop)
	all = append(all, &contender{name: "slipway serve, HTTP event", rounds: b.rounds, once: server.once})
	if b.peerRounds == 0 {
		return all, stop, nil
	}
	peers, missing := rig.Peers(ctx, program, dir)
	b.missing = missing
	for _, p := range peers {
		stops = append(stops, p.Remove)
		all = append(all, &contender{name: p.Name, rounds: b.peerRounds, once: peer{p}.once})
	}
	return all, stop, nil
}

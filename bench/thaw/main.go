package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/slipway-run/slipway/bench/rig"
	"github.com/slipway-run/slipway/internal/sandbox"
)

type bench struct {
	binary, source     string
	rounds, peerRounds int

	contenders []*contender
	stops      []func() error // in reverse order
	missing    []string       // what was not measured, and why
	moved      string         // how much memory is in swap
}

// contender is one way to let the program go on and answer.
type contender struct {
	name   string
	rounds int                             // it takes part in the first so many
	pause  func(ctx context.Context) error // before the clock runs
	answer func(ctx context.Context) error
	took   []time.Duration
}

func main() {
	sandbox.Init()
	var b bench
	flag.StringVar(&b.binary, "slipway", "bin/slipway", "the slipway binary")
	flag.StringVar(&b.source, "program", "examples/go-http", "folder of the Go program that answers")
	flag.IntVar(&b.rounds, "rounds", 200, "how often the fast ones are paused")
	flag.IntVar(&b.peerRounds, "peer-rounds", 15, "how often runc, podman, docker and the server are")
	flag.Parse()
	rig.Main(b.run)
}

func (b *bench) run(ctx context.Context, w io.Writer) (err error) {
	dir, remove, err := rig.Folder("thaw")
	defer remove()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.stop()) }()
	program, err := rig.Compile(ctx, b.source, dir)
	if err != nil {
		return err
	}
	if err := errors.Join(b.addSandbox(ctx, program, dir), b.addServer(ctx, program), b.addPeers(ctx, program, dir)); err != nil {
		return err
	}
	fmt.Fprintf(w, "%d rounds, peers and the server in %d\n", b.rounds, b.peerRounds)
	for round := range b.rounds {
		for _, c := range b.contenders {
			if round >= c.rounds {
				continue
			}
			if err := c.once(ctx); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
		}
	}
	report(w, b.contenders)
	if b.moved != "" {
		fmt.Fprintf(w, "\n%s\n", b.moved)
	}
	if len(b.missing) > 0 {
		fmt.Fprintf(w, "\nNot measured: %s\n", strings.Join(b.missing, ", "))
	}
	return nil
}

func (c *contender) once(ctx context.Context) error {
	if c.pause != nil {
		if err := c.pause(ctx); err != nil {
			return err
		}
	}
	began := time.Now()
	if err := c.answer(ctx); err != nil {
		return err
	}
	c.took = append(c.took, time.Since(began))
	return nil
}

func (b *bench) add(c *contender) { b.contenders = append(b.contenders, c) }

func (b *bench) stop() error {
	var errs []error
	for i := len(b.stops) - 1; i >= 0; i-- {
		errs = append(errs, b.stops[i]())
	}
	return errors.Join(errs...)
}

// addPeers prepares the container engines: each has one container, paused again and
// again.
func (b *bench) addPeers(ctx context.Context, program, dir string) error {
	if b.peerRounds == 0 {
		return nil
	}
	peers, missing := rig.Peers(ctx, program, dir)
	b.missing = append(b.missing, missing...)
	for _, p := range peers {
		port := rig.FreePort()
		id := "slipway-thaw-" + port
		b.stops = append(b.stops, func() error { p.Remove(); return nil })
		if err := p.Start(ctx, id, port); err != nil {
			return err
		}
		b.stops = append(b.stops, func() error { return p.End(ctx, id) })
		address := "127.0.0.1:" + port
		if err := rig.AwaitAnswer(ctx, address); err != nil {
			return err
		}
		name, _, _ := strings.Cut(p.Name, " ")
		b.add(&contender{
			name: name + " pause", rounds: b.peerRounds,
			pause: func(ctx context.Context) error { return p.Pause(ctx, id) },
			answer: func(ctx context.Context) error {
				if err := p.Resume(ctx, id); err != nil {
					return err
				}
				return rig.AwaitAnswer(ctx, address)
			},
		})
	}
	return nil
}

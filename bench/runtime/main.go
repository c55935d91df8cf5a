package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/slipway-run/slipway/bench/rig"
)

type bench struct {
	binary string
	events int // of each protocol
	rounds int // of cold starts
}

// contender is one way to do the same.
type contender struct {
	name string
	once func(ctx context.Context) (time.Duration, error)
	took []time.Duration
}

func main() {
	var b bench
	flag.StringVar(&b.binary, "slipway", "bin/slipway", "the slipway binary")
	flag.IntVar(&b.events, "events", 2000, "events of each protocol; a tenth of them where each starts a process")
	flag.IntVar(&b.rounds, "rounds", 40, "cold starts of each kind")
	flag.Parse()
	rig.Main(b.run)
}

func (b *bench) run(ctx context.Context, w io.Writer) error {
	server, err := rig.Start(ctx, b.binary)
	if err != nil {
		return err
	}
	defer server.Stop()
	if err := b.measureEvents(ctx, w, server); err != nil {
		return err
	}
	fmt.Fprintln(w)
	return b.measureColdStarts(ctx, w, server)
}

// deploy makes a function of a folder, configured as config says.
func deploy(ctx context.Context, server *rig.Server, name, folder, config string) error {
	if err := server.API(ctx, "PUT", "/v1/functions/"+name, config, new(any)); err != nil {
		return err
	}
	if said, err := server.Command(ctx, "deploy", folder, "--name", name); err != nil {
		return fmt.Errorf("deploy %s: %w: %s", name, err, said)
	}
	return nil
}

// turns has every contender do its thing, in turns, so many times.
func turns(ctx context.Context, rounds int, all []*contender) error {
	for range rounds {
		for _, c := range all {
			took, err := c.once(ctx)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			c.took = append(c.took, took)
		}
	}
	return nil
}

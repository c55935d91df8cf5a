package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/slipway-run/slipway/bench/rig"
)

type bench struct {
	binary, other string
	program       string
	connections   []int // kept, that send at once
	rounds        int
	duration      time.Duration // of one measurement
	missing       []string      // what was not measured or used, and why
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == proxyCommand { // this program is a peer, too
		fmt.Fprintln(os.Stderr, "warm:", serveProxy(os.Args[2]))
		os.Exit(1)
	}
	var b bench
	flag.StringVar(&b.binary, "slipway", "bin/slipway", "the slipway binary")
	flag.StringVar(&b.other, "other", "", "another slipway binary to measure beside, as that of an earlier commit")
	flag.StringVar(&b.program, "program", "examples/go-http", "folder of the Go program that answers")
	flag.IntVar(&b.rounds, "rounds", 3, "how often everything is measured")
	flag.DurationVar(&b.duration, "duration", 2*time.Second, "of one measurement, whole seconds")
	connections := flag.String("c", "1,16,64", "numbers of connections")
	flag.Parse()
	if err := json.Unmarshal([]byte("["+*connections+"]"), &b.connections); err != nil {
		fmt.Fprintln(os.Stderr, "warm: -c takes numbers with commas between them:", err)
		os.Exit(2)
	}

	rig.Main(b.run)
}

func (b *bench) run(ctx context.Context, w io.Writer) error {
	dir, remove, err := rig.Folder("warm")
	defer remove()
	if err != nil {
		return err
	}
	targets, stop, err := b.targets(ctx, dir)
	defer stop()
	if err != nil {
		return err
	}
	generator := b.generator()
	fmt.Fprintf(w, "%d rounds, %s each, load by %s\n", b.rounds, b.duration, generator.name)
	for round := range b.rounds {
		for _, c := range b.connections {
			for _, t := range targets {
				if err := b.measure(ctx, generator, t, c); err != nil {
					return fmt.Errorf("%s: %w", t.name, err)
				}
			}
		}
		fmt.Fprintf(w, "  round %d of %d\n", round+1, b.rounds)
	}
	report(w, targets, b.connections)
	if len(b.missing) > 0 {
		fmt.Fprintf(w, "\nNot installed: %s\n", strings.Join(b.missing, ", "))
	}
	return nil
}

// measure takes one sample of t with c connections.
func (b *bench) measure(ctx context.Context, g generator, t *target, c int) error {
	before, err := cpuTime(t.processes)
	if err != nil {
		return err
	}
	s, err := g.load(ctx, t.url, c, b.duration)
	if err != nil {
		return err
	}
	after, err := cpuTime(t.processes)
	if err != nil {
		return err
	}
	if s.requests > 0 {
		s.cpu = (after - before) / time.Duration(s.requests)
	}
	t.samples[c] = append(t.samples[c], s)
	return nil
}

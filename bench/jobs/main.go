package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/pprof"
	"strings"
	"time"

	"github.com/slipway-run/slipway/bench/rig"
	"github.com/slipway-run/slipway/internal/sandbox"
)

type bench struct {
	binary  string
	rounds  int
	ours    int // jobs in one measurement of ours
	theirs  int // containers in one of a peer
	only    string
	profile string

	program string
}

// contender runs n programs to their end, so many at once.
type contender struct {
	name string
	n    int
	run  func(ctx context.Context, n, atOnce int) error
}

func main() {
	sandbox.Init()
	var b bench
	flag.StringVar(&b.binary, "slipway", "bin/slipway", "the slipway binary")
	flag.IntVar(&b.rounds, "rounds", 3, "how often everything is measured")
	flag.IntVar(&b.ours, "jobs", 1000, "jobs in one measurement of Slipway")
	flag.IntVar(&b.theirs, "containers", 40, "containers in one measurement of a peer")
	flag.StringVar(&b.only, "only", "", "measure only those whose name begins so")
	flag.StringVar(&b.profile, "cpuprofile", "", "write a profile of this process, in which the runner is, to this file")
	flag.Parse()
	rig.Main(b.run)
}

func (b *bench) run(ctx context.Context, w io.Writer) error {
	dir, remove, err := rig.Folder("jobs")
	defer remove()
	if err != nil {
		return err
	}
	if b.program, err = rig.WriteTrue(dir); err != nil {
		return err
	}
	contenders, missing, stop, err := b.prepare(ctx, dir)
	defer stop()
	if err != nil {
		return err
	}
	stopProfile, err := profile(b.profile)
	if err != nil {
		return err
	}
	defer stopProfile()
	t := newTable(contenders)
	for range b.rounds {
		for _, atOnce := range t.atOnce {
			for i, c := range contenders {
				began := time.Now()
				if err := c.run(ctx, c.n, atOnce); err != nil {
					return fmt.Errorf("%s, %d at once: %w", c.name, atOnce, err)
				}
				t.add(i, atOnce, float64(c.n)/time.Since(began).Seconds())
			}
		}
	}
	fmt.Fprintf(w, "containers of a program that ends at once, run to the end, per second: median of %d rounds of %d (a peer: %d)\n", b.rounds, b.ours, b.theirs)
	t.print(w)
	if len(missing) > 0 {
		fmt.Fprintf(w, "not measured: %s\n", strings.Join(missing, ", "))
	}
	return nil
}

// prepare makes everything ready that is asked for. stop is never nil.
func (b *bench) prepare(ctx context.Context, dir string) (all []contender, missing []string, stop func(), err error) {
	var stops []func()
	stop = func() {
		for i := len(stops) - 1; i >= 0; i-- {
			stops[i]()
		}
	}
	for _, p := range []struct {
		name    string
		prepare func(context.Context, string) (contender, func(), error)
	}{{"slipway", b.server}, {"runner", b.runner}, {"runc", b.runc}, {"podman", b.podman}, {"docker", b.docker}} {
		if !strings.HasPrefix(p.name, b.only) {
			continue
		}
		c, end, err := p.prepare(ctx, dir)
		if err == nil {
			stops = append(stops, end)
			err = c.run(ctx, 1, 1) // that it works, and what only the first one pays
		}
		switch {
		case err == nil:
			all = append(all, c)
		case c.n == b.ours:
			return nil, nil, stop, fmt.Errorf("%s: %w", p.name, err)
		default:
			missing = append(missing, fmt.Sprintf("%s (%v)", p.name, err))
		}
	}
	return all, missing, stop, nil
}

// profile writes a profile until stop is called.
func profile(name string) (stop func(), err error) {
	if name == "" {
		return func() {}, nil
	}
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	return func() { pprof.StopCPUProfile(); f.Close() }, pprof.StartCPUProfile(f)
}

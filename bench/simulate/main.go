package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/slipway-run/slipway/bench/simulate/sim"
	"github.com/slipway-run/slipway/bench/simulate/trace"
)

type bench struct {
	synthetic trace.Synthetic
	path      string // of a recorded trace
	first     int    // day of it
	studies   string
	output    string
	plots     string
	write     string
	cfg       sim.Config
}

func main() {
	b := bench{cfg: sim.Defaults()}
	flag.StringVar(&b.path, "trace", "", "a folder with the trace of 2019 or a file of that of 2021, instead of a generated one")
	flag.IntVar(&b.first, "day", 1, "the first day to read of the trace of 2019")
	flag.IntVar(&b.synthetic.Days, "days", 1, "how many days to generate, or to read of the trace of 2019")
	flag.IntVar(&b.synthetic.Functions, "functions", 500, "how many to generate, or to read at most (0: all)")
	flag.Float64Var(&b.synthetic.MaxPerDay, "max-per-day", 3000, "invocations on an average day at which a generated function's popularity is cut")
	flag.StringVar(&b.write, "write", "", "write the generated trace to this folder, in the format of 2019, and stop")
	flag.Uint64Var(&b.cfg.Seed, "seed", 1, "of everything that is drawn")
	flag.IntVar(&b.cfg.Invokers, "invokers", 1000, "machines")
	flag.IntVar(&b.cfg.MemoryMB, "memory", b.cfg.MemoryMB, "MiB of each, where the study does not say otherwise")
	flag.IntVar(&b.cfg.Gateways, "gateways", b.cfg.Gateways, "that arrivals come through in turn")
	flag.DurationVar(&b.cfg.Skip, "skip", b.cfg.Skip, "of the trace's begin, that is not measured")
	flag.DurationVar(&b.cfg.Start, "start", b.cfg.Start, "start of a sandbox")
	flag.DurationVar(&b.cfg.Init, "init", b.cfg.Init, "median of what functions take beyond that")
	flag.Float64Var(&b.cfg.Kept, "kept", b.cfg.Kept, "the part of its memory that a reclaimed instance takes still: 0.2 with swap on a disk")
	flag.DurationVar(&b.cfg.Pause, "pause", b.cfg.Pause, "between two states that an invoker publishes, at least")
	flag.StringVar(&b.studies, "study", "keep,memory,routing", "which to make, of these and scale")
	flag.StringVar(&b.output, "o", "table", "table or json")
	flag.StringVar(&b.plots, "plots", "", "folder to draw the results to, as SVG")
	flag.Parse()
	debug.SetGCPercent(400) // there is memory, and time is short

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := b.run(ctx, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "simulate:", err)
		stop()
		os.Exit(1)
	}
}

// run writes results to w and says on progress how far it is.
func (b *bench) run(ctx context.Context, w, progress io.Writer) error {
	t, err := b.load()
	if err != nil {
		return err
	}
	if b.write != "" {
		return t.Write2019(b.write)
	}
	studies, err := b.plan(t)
	if err != nil {
		return err
	}
	if b.output == "table" {
		describe(w, t, b.cfg)
	}
	if err := simulate(ctx, t, studies, progress); err != nil {
		return err
	}
	if b.plots != "" {
		if err := draw(b.plots, studies); err != nil {
			return err
		}
	}
	if b.output == "json" {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(studies)
	}
	report(w, studies)
	return nil
}

// load reads or makes the arrivals.
func (b *bench) load() (*trace.Trace, error) {
	b.synthetic.Seed = b.cfg.Seed
	if b.path == "" {
		return trace.Generate(b.synthetic), nil
	}
	info, err := os.Stat(b.path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return trace.Read2019(b.path, b.first, b.synthetic.Days, b.synthetic.Functions)
	}
	return trace.Read2021(b.path, b.synthetic.Functions)
}

// plan is the studies that were asked for.
func (b *bench) plan(t *trace.Trace) (studies []*study, err error) {
	if b.output != "table" && b.output != "json" {
		return nil, fmt.Errorf("-o takes table or json, not %q", b.output)
	}
	for name := range strings.SplitSeq(b.studies, ",") {
		switch name {
		case "keep":
			studies = append(studies, keepStudy(b.cfg))
		case "memory":
			studies = append(studies, memoryStudy(b.cfg, t))
		case "routing":
			studies = append(studies, routingStudy(b.cfg))
		case "scale":
			studies = append(studies, scaleStudy(b.cfg))
		default:
			return nil, fmt.Errorf("there is no study %q: they are keep, memory, routing and scale", name)
		}
	}
	return studies, nil
}

// simulate makes all runs, as many at once as there are processors.
func simulate(ctx context.Context, t *trace.Trace, studies []*study, progress io.Writer) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var all []*simulation
	for _, s := range studies {
		all = append(all, s.Runs...)
	}
	todo := make(chan *simulation)
	var group sync.WaitGroup
	var done atomic.Int32
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for s := range todo {
				began := time.Now()
				if err := s.run(t); err != nil {
					stop(fmt.Errorf("%s %s: %w", s.Family, s.Label, err))
				}
				fmt.Fprintf(progress, "  %d of %d: %s %s, %d events in %.1f s\n", done.Add(1), len(all), s.Family, s.Label, s.Result.Events, time.Since(began).Seconds())
			}
		})
	}
	for _, s := range all {
		select {
		case todo <- s:
		case <-ctx.Done():
		}
	}
	close(todo)
	group.Wait()
	return context.Cause(ctx)
}

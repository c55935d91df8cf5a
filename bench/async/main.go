package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/slipway-run/slipway/bench/rig"
)

type bench struct {
	binary   string
	program  string
	clients  []int
	rounds   int
	duration time.Duration // of one measurement
}

// target is something that is measured.
type target struct {
	name    string
	load    func(ctx context.Context, clients int, d time.Duration) (sample, error)
	samples map[int][]sample // by number of clients, one for each round
}

// sample is what one measurement found.
type sample struct {
	rate     float64 // a second
	p50, p99 time.Duration
	errors   int
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == echoCommand { // this program is a peer, too
		fmt.Fprintln(os.Stderr, "async:", serveEcho(os.Stdout))
		os.Exit(1)
	}
	var b bench
	flag.StringVar(&b.binary, "slipway", "bin/slipway", "the slipway binary")
	flag.StringVar(&b.program, "program", "examples/go-http", "folder of the Go program that runs the events")
	flag.IntVar(&b.rounds, "rounds", 3, "how often everything is measured")
	flag.DurationVar(&b.duration, "duration", 2*time.Second, "of one measurement")
	clients := flag.String("c", "1,16,64", "numbers of clients")
	flag.Parse()
	if err := json.Unmarshal([]byte("["+*clients+"]"), &b.clients); err != nil {
		fmt.Fprintln(os.Stderr, "async: -c takes numbers with commas between them:", err)
		os.Exit(2)
	}
	rig.Main(b.run)
}

func (b *bench) run(ctx context.Context, w io.Writer) error {
	dir, remove, err := rig.Folder("async")
	defer remove()
	if err != nil {
		return err
	}
	targets, stop, err := b.targets(ctx, dir)
	defer stop()
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%d rounds, %s each\n", b.rounds, b.duration)
	for round := range b.rounds {
		for _, c := range b.clients {
			for _, t := range targets {
				s, err := t.load(ctx, c, b.duration)
				if err != nil {
					return fmt.Errorf("%s, %d clients: %w", t.name, c, err)
				}
				t.samples[c] = append(t.samples[c], s)
			}
		}
		fmt.Fprintf(w, "  round %d of %d\n", round+1, b.rounds)
	}
	report(w, targets, b.clients)
	return nil
}

// targets are all that is measured, and how to stop them.
func (b *bench) targets(ctx context.Context, dir string) (targets []*target, stop func(), err error) {
	var stops []func()
	stop = func() {
		for _, s := range stops {
			s()
		}
	}
	add := func(name string, load func(context.Context, int, time.Duration) (sample, error)) {
		targets = append(targets, &target{name, load, map[int][]sample{}})
	}
	address, end, err := startEcho()
	if err != nil {
		return nil, stop, err
	}
	stops = append(stops, end)
	add(httpAlone, func(ctx context.Context, c int, d time.Duration) (sample, error) {
		return post(ctx, address, "/", "", c, d)
	})

	raw, err := startJetStream(filepath.Join(dir, "jetstream"))
	if err != nil {
		return nil, stop, err
	}
	stops = append(stops, raw.stop)
	add(oneByOne, raw.oneByOne)
	add(pipelined, raw.pipelined)

	server, err := b.startSlipway(ctx, dir)
	if err != nil {
		return nil, stop, err
	}
	stops = append(stops, func() { server.Stop() })
	for name, function := range map[string]string{accepted: "paused", acceptedRunning: "running"} {
		add(name, func(ctx context.Context, c int, d time.Duration) (sample, error) {
			return post(ctx, server.URL[len("http://"):], "/v1/functions/"+function+"/invocations", "X-Slipway-Mode: async\r\nAuthorization: Bearer "+server.Key+"\r\n", c, d)
		})
	}
	return targets, stop, nil
}

// startSlipway has a function that is paused and one that is not.
func (b *bench) startSlipway(ctx context.Context, dir string) (*rig.Server, error) {
	program, err := rig.Compile(ctx, b.program, dir)
	if err != nil {
		return nil, err
	}
	server, err := rig.Start(ctx, b.binary)
	if err != nil {
		return nil, err
	}
	for _, args := range [][]string{
		{"deploy", filepath.Dir(program), "--name", "paused"}, {"pause", "paused"},
		{"deploy", filepath.Dir(program), "--name", "running"}, {"scale", "running", "--max", "1", "--concurrency", "100"},
	} {
		if said, err := server.Command(ctx, args...); err != nil {
			server.Stop()
			return nil, fmt.Errorf("slipway %s: %w: %s", args[0], err, said)
		}
	}
	return server, nil
}

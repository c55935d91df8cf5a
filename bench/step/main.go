package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/slipway-run/slipway/bench/rig"
)

type bench struct {
	binary   string
	program  string
	rounds   int
	before   time.Duration // with one connection
	duration time.Duration // after the step
	clients  int
}

func main() {
	var b bench
	flag.StringVar(&b.binary, "slipway", "bin/slipway", "the slipway binary")
	flag.StringVar(&b.program, "program", "bench/step/program", "folder of the Go program that answers")
	flag.IntVar(&b.rounds, "rounds", 3, "how often the step is taken")
	flag.DurationVar(&b.before, "before", time.Second, "how long one connection sends before the step")
	flag.DurationVar(&b.duration, "duration", 3*time.Second, "how long all send after it")
	flag.IntVar(&b.clients, "c", 50, "connections after the step, and instances at most")
	flag.Parse()
	rig.Main(b.run)
}

func (b *bench) run(ctx context.Context, w io.Writer) error {
	dir, remove, err := rig.Folder("step")
	defer remove()
	if err != nil {
		return err
	}
	program, err := rig.Compile(ctx, b.program, dir)
	if err != nil {
		return err
	}
	server, err := rig.Start(ctx, b.binary)
	if err != nil {
		return err
	}
	defer server.Stop()
	fmt.Fprintf(w, "%d rounds: 1 connection for %s, then %d for %s\n", b.rounds, b.before, b.clients, b.duration)
	var rounds []round
	for n := range b.rounds {
		r, err := b.round(ctx, server, filepath.Dir(program), fmt.Sprintf("step-%d", n))
		if err != nil {
			return fmt.Errorf("round %d: %w", n+1, err)
		}
		rounds = append(rounds, r)
		fmt.Fprintf(w, "  round %d of %d\n", n+1, b.rounds)
	}
	report(w, rounds, b.duration)
	return nil
}

// round deploys the program under a name of its own, takes the step, and removes it.
func (b *bench) round(ctx context.Context, server *rig.Server, folder, name string) (round, error) {
	config := fmt.Sprintf(`{"memory_mb":64,"cpu":1,"network":"none","scaling":{"concurrency":1,"max":%d}}`, b.clients)
	if err := server.API(ctx, "PUT", "/v1/functions/"+name, config, new(any)); err != nil {
		return round{}, err
	}
	if said, err := server.Command(ctx, "deploy", folder, "--name", name); err != nil {
		return round{}, fmt.Errorf("deploy: %w: %s", err, said)
	}
	r := b.load(ctx, server.URL+"/fn/"+name+"/")
	_, err := server.Command(ctx, "pause", name) // its instances go
	return r, err
}

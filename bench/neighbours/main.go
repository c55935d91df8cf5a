package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/slipway-run/slipway/bench/rig"
)

type bench struct {
	binary, program, hostile string
	scratch                  string
	rounds                   int
	duration                 time.Duration // of one measurement
	every                    time.Duration // between two requests
	cpu                      float64       // of the hostile function

	server  *rig.Server
	missing []string // what was not measured, and why
}

func main() {
	var b bench
	flag.StringVar(&b.binary, "slipway", "bin/slipway", "the slipway binary")
	flag.StringVar(&b.program, "program", "examples/go-http", "folder of the Go program that is the neighbour")
	flag.StringVar(&b.hostile, "hostile", "cmd/slipway/testdata/hostile", "folder of the Go program that is hostile")
	flag.StringVar(&b.scratch, "scratch", "memory", "where functions write files: memory or disk")
	flag.IntVar(&b.rounds, "rounds", 3, "how often everything is measured")
	flag.DurationVar(&b.duration, "duration", 3*time.Second, "of one measurement")
	flag.DurationVar(&b.every, "every", 5*time.Millisecond, "time between two requests")
	flag.Float64Var(&b.cpu, "cpu", 1, "vCPUs of the hostile function")
	flag.Parse()
	rig.Main(b.run)
}

func (b *bench) run(ctx context.Context, w io.Writer) (err error) {
	outside, flags, stop := b.outside()
	defer stop()
	if b.server, err = rig.Start(ctx, b.binary, append(flags, "--scratch", b.scratch)...); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.server.Stop()) }()
	attacks := attacks(outside)
	if err := b.deploy(ctx); err != nil {
		return err
	}
	fmt.Fprintf(w, "%d rounds of %s, a request every %s; the hostile function has %g vCPU, %d MiB, %d processes, scratch in %s\n",
		b.rounds, b.duration, b.every, b.cpu, hostileMemoryMB, hostilePIDs, b.scratch)
	for range b.rounds {
		for _, a := range attacks {
			if err := b.measure(ctx, a); err != nil {
				return fmt.Errorf("%s: %w", a.name, err)
			}
		}
	}
	report(w, attacks)
	if len(b.missing) > 0 {
		fmt.Fprintf(w, "\nNot measured: %s\n", strings.Join(b.missing, ", "))
	}
	return nil
}

// measure takes one sample of the neighbour alone and one beside.
func (b *bench) measure(ctx context.Context, a *attack) error {
	alone, err := b.stream(ctx)
	if err != nil {
		return err
	}
	a.alone = append(a.alone, alone...)
	stop := b.begin(ctx, a)
	beside, err := b.stream(ctx)
	a.met = stop()
	a.beside = append(a.beside, beside...)
	if err != nil {
		return fmt.Errorf("the neighbour was not answered: %w", err)
	}
	return b.settle(ctx)
}

const (
	neighbour       = "neighbour"
	hostile         = "hostile"
	hostileMemoryMB = 64
	hostilePIDs     = 64
)

// deploy makes the two functions.
func (b *bench) deploy(ctx context.Context) error {
	dir, remove, err := rig.Folder("neighbours")
	defer remove()
	if err != nil {
		return err
	}
	configs := map[string]string{
		neighbour: `{"scaling":{"min":1,"max":1}}`,
		hostile: fmt.Sprintf(`{"scaling":{"max":1,"idle_timeout":"1s"},"release":{"auto_rollback":false},"timeout":"%dms","cpu":%g,"memory_mb":%d,"pids":%d,"ephemeral_mb":32}`,
			(b.duration + time.Second).Milliseconds(), b.cpu, hostileMemoryMB, hostilePIDs),
	}
	for name, source := range map[string]string{neighbour: b.program, hostile: b.hostile} {
		program, err := rig.Compile(ctx, source, filepath.Join(dir, name))
		if err != nil {
			return err
		}
		if said, err := b.server.Command(ctx, "deploy", filepath.Dir(program), "--name", name); err != nil {
			return fmt.Errorf("deploy: %w: %s", err, said)
		}
		if err := b.server.API(ctx, "PUT", "/v1/functions/"+name, configs[name], new(any)); err != nil {
			return err
		}
	}
	return nil
}

package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/bench/rig"
	"github.com/slipway-run/slipway/internal/sandbox"
)

type bench struct {
	source       string
	rounds, rows int
}

func main() {
	sandbox.Init()
	var b bench
	flag.StringVar(&b.source, "program", "examples/go-http", "folder of the Go program that answers")
	flag.IntVar(&b.rounds, "rounds", 20, "how many starts are looked at")
	flag.IntVar(&b.rows, "rows", 30, "how many kinds of call are shown")
	flag.Parse()
	rig.Main(b.run)
}

func (b *bench) run(ctx context.Context, w io.Writer) (err error) {
	dir, remove, err := rig.Folder("coldpath")
	defer remove()
	if err != nil {
		return err
	}
	program, err := rig.Compile(ctx, b.source, dir)
	if err != nil {
		return err
	}
	owner := fmt.Sprintf("slipway-coldpath-%d", os.Getpid())
	egress, stopEgress, err := rig.NewEgress(ctx, owner)
	defer stopEgress()
	if err != nil {
		return err
	}
	t, err := newTracer() // before the runtime makes its processes
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	native, stopNative, err := rig.NewNative(ctx, sandbox.Config{Dir: filepath.Join(dir, "sandboxes"), Name: owner}, egress)
	defer stopNative()
	if err != nil {
		return err
	}
	roles := map[string]who{comm(os.Args[0]): host, "slipway-shell": inside, comm(program): ours}
	var sum totals
	for round := range b.rounds {
		rest(ctx)
		if err := startOnce(ctx, t, native, program, round); err != nil {
			return err
		}
		trace, err := t.read()
		if err != nil {
			return err
		}
		sum.add(parse(trace, roles))
	}
	sum.report(w, b.rows)
	return nil
}

// rest lets what the start before left be taken apart, and the stock be filled.
func rest(ctx context.Context) {
	select {
	case <-time.After(150 * time.Millisecond):
	case <-ctx.Done():
	}
}

// comm is how the kernel calls a task that executes a file (proc_pid_comm(5)).
func comm(file string) string {
	name := filepath.Base(file)
	return name[:min(len(name), 15)]
}

// startOnce is what the invoker does for an instance.
func startOnce(ctx context.Context, t *tracer, native *sandbox.Native, program string, round int) error {
	const port = 8080
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	defer read.Close()
	defer write.Close()
	if err := t.begin(); err != nil {
		return err
	}
	made, err := native.Create(ctx, slipway.SandboxSpec{
		ID: fmt.Sprintf("coldpath-%d", round), Layers: []string{filepath.Dir(program)},
		Args: []string{"/" + filepath.Base(program)}, Env: []string{fmt.Sprintf("PORT=%d", port)},
		CPU: 1, MemoryMB: 128, PIDs: 1024, OpenFiles: 1024, Network: slipway.NetworkEgress,
	})
	if err != nil {
		return err
	}
	err = made.Start(ctx, slipway.Stdio{Stdout: write, Stderr: write})
	if err == nil {
		conn, awaitErr := made.Await(ctx, port)
		if err = awaitErr; err == nil {
			err = rig.Ask(conn)
		}
	}
	return errors.Join(err, t.end(), made.Close())
}

// totals sums the calls of several starts.
type totals struct {
	starts int
	total  time.Duration
	rows   map[[2]string]*row
}

type row struct {
	who, name string
	calls     int
	took      time.Duration
}

func (s *totals) add(spans []span, total time.Duration) {
	if s.rows == nil {
		s.rows = map[[2]string]*row{}
	}
	s.starts++
	s.total += total
	for _, p := range spans {
		key := [2]string{string(p.who), p.name}
		if s.rows[key] == nil {
			s.rows[key] = &row{who: string(p.who), name: p.name}
		}
		s.rows[key].calls++
		s.rows[key].took += p.took
	}
}

// report prints what a start costs in the middle, the dearest call first.
func (s *totals) report(w io.Writer, limit int) {
	fmt.Fprintf(w, "%d starts, traced: %s each\n", s.starts, rig.Millis(s.total/time.Duration(s.starts)))
	rows := slices.SortedFunc(maps.Values(s.rows), func(a, b *row) int { return cmp.Compare(b.took, a.took) })
	sums := map[string]time.Duration{}
	for _, r := range rows {
		sums[r.who] += r.took
	}
	for _, who := range []who{host, inside, ours} {
		fmt.Fprintf(w, "  %s: %s in system calls that do not wait\n", who, rig.Millis(sums[string(who)]/time.Duration(s.starts)))
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\nby\tcall\tcalls per start\tµs per start")
	for _, r := range rows[:min(limit, len(rows))] {
		n := float64(s.starts)
		fmt.Fprintf(t, "%s\t%s\t%.1f\t%.0f\n", r.who, r.name, float64(r.calls)/n, float64(r.took.Microseconds())/n)
	}
	t.Flush()
}

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
	binary   string
	store    string
	children int
	singles  int
	clients  int
}

func main() {
	var b bench
	flag.StringVar(&b.binary, "slipway", "bin/slipway", "the slipway binary, for submissions over HTTP; \"\" leaves them out")
	flag.StringVar(&b.store, "store", "", "URL of an empty database (default: SQLite in a temporary folder)")
	flag.IntVar(&b.children, "children", 100_000, "children of the array")
	flag.IntVar(&b.singles, "singles", 10_000, "jobs that are submitted one by one")
	flag.IntVar(&b.clients, "clients", 64, "callers that submit one by one at the same time")
	flag.Parse()
	rig.Main(b.run)
}

func (b *bench) run(ctx context.Context, w io.Writer) error {
	dir, remove, err := rig.Folder("queue")
	defer remove()
	if err != nil {
		return err
	}
	q, err := open(ctx, dir, b.store)
	if err != nil {
		return err
	}
	err = b.queue(ctx, w, q)
	q.close()
	if err != nil || b.binary == "" {
		return err
	}
	return b.http(ctx, w)
}

// queue measures without HTTP. The queue alone: no sandbox.
func (b *bench) queue(ctx context.Context, w io.Writer, q *queue) error {
	fmt.Fprintf(w, "queue alone, no sandbox; store: %s\n", q.kind)
	row := func(what string, n int, took time.Duration, grown int64) {
		fmt.Fprintf(w, "  %-52s %8d in %8s  %9.0f/s", what, n, took.Round(time.Millisecond), float64(n)/took.Seconds())
		if grown > 0 {
			fmt.Fprintf(w, "  %5d bytes each in the store", grown/int64(n))
		}
		fmt.Fprintln(w)
	}
	before := q.size(ctx)
	submitted, recorded, err := q.array(ctx, b.children)
	if err != nil {
		return err
	}
	row("children of an array accepted", b.children, submitted, 0)
	after := q.size(ctx)
	row("children accepted, dispatched and recorded", b.children, recorded, after-before)
	submitted, recorded, err = q.singles(ctx, b.singles, b.clients)
	if err != nil {
		return err
	}
	row(fmt.Sprintf("jobs accepted from %d callers at once", b.clients), b.singles, submitted, 0)
	row("jobs accepted, dispatched and recorded", b.singles, recorded, q.size(ctx)-after)
	return nil
}

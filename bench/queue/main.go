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
	store    string
	children int
	singles  int
	clients  int

	empty int64 // bytes of a store without jobs
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
	for i, measure := range []func(context.Context, io.Writer, *queue) error{b.nothing, b.array, b.oneByOne} {
		q, err := open(ctx, filepath.Join(dir, fmt.Sprint(i)), b.store)
		if err != nil {
			return err
		}
		err = measure(ctx, w, q)
		q.close()
		if err != nil {
			return err
		}
		b.grown(w, i, q)
	}
	if b.binary == "" {
		return nil
	}
	return b.http(ctx, w)
}

// grown says by how much a store without anything else grew for each job.
func (b *bench) grown(w io.Writer, phase int, q *queue) {
	size := q.size()
	switch {
	case phase == 0:
		b.empty = size
	case size > 0:
		n := []int{b.children, b.singles}[phase-1]
		fmt.Fprintf(w, "  %-52s %8d bytes each\n", "the store grew by", (size-b.empty)/int64(n))
	}
}

func (b *bench) nothing(_ context.Context, w io.Writer, q *queue) error {
	fmt.Fprintf(w, "queue alone, no sandbox; store: %s\n", q.kind)
	return nil
}

// array measures the children of an array.
func (b *bench) array(ctx context.Context, w io.Writer, q *queue) error {
	submitted, recorded, err := q.array(ctx, b.children)
	row(w, "children of an array accepted", b.children, submitted)
	row(w, "children accepted, dispatched and recorded", b.children, recorded)
	return err
}

// oneByOne measures jobs that are no array.
func (b *bench) oneByOne(ctx context.Context, w io.Writer, q *queue) error {
	submitted, recorded, err := q.singles(ctx, b.singles, b.clients)
	row(w, fmt.Sprintf("jobs accepted from %d callers at once", b.clients), b.singles, submitted)
	row(w, "jobs accepted, dispatched and recorded", b.singles, recorded)
	return err
}

func row(w io.Writer, what string, n int, took time.Duration) {
	fmt.Fprintf(w, "  %-52s %8d in %8s  %9.0f/s\n", what, n, took.Round(time.Millisecond), float64(n)/took.Seconds())
}

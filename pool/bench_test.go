package pool_test

import (
	"log/slog"
	"testing"

	"github.com/slipway-run/slipway/pool"
)

// BenchmarkAcquire is what the pool adds to an event that finds an idle instance.
func BenchmarkAcquire(b *testing.B) {
	f := newFake()
	p := pool.New(pool.Config{}, f, slog.New(slog.DiscardHandler))
	s := spec("a")
	b.ReportAllocs()
	for b.Loop() {
		l, err := p.Acquire(b.Context(), s, 0)
		if err != nil {
			b.Fatal(err)
		}
		l.Release(true)
	}
	if err := p.Drain(b.Context()); err != nil {
		b.Fatal(err)
	}
}

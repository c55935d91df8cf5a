package sandbox

import (
	"context"
	"log/slog"
	"testing"
)

// newTestShells is a stock of shells that cost nothing; the test calls what run calls.
func newTestShells(t *testing.T, limit int) *shells {
	t.Helper()
	ended := make(chan struct{})
	t.Cleanup(func() { close(ended) })
	p := newShells(limit, false, func(context.Context, kind, bool) (*shell, error) {
		return &shell{process: &process{done: ended}}, nil
	}, slog.New(slog.DiscardHandler))
	p.started = true
	return p
}

func (p *shells) fill() int {
	for p.refill() {
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.stocks[blank].ready)
}

func (p *shells) takeMany(t *testing.T, n int) (stocked int) {
	t.Helper()
	for range n {
		_, ok, err := p.take(t.Context(), blank)
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			stocked++
		}
	}
	return stocked
}

func TestDemand(t *testing.T) {
	p := newTestShells(t, 8)
	if n := p.fill(); n != minShells {
		t.Fatalf("a stock begins with %d shells", n)
	}
	if n := p.takeMany(t, 5); n != minShells {
		t.Errorf("%d of 5 were in stock", n)
	}
	if n := p.fill(); n != 5 {
		t.Errorf("after 3 that were missing the stock is %d", n)
	}
	if n := p.takeMany(t, 20); n != 5 {
		t.Errorf("%d of 20 were in stock", n)
	}
	if n := p.fill(); n != 8 {
		t.Errorf("the stock passes its bound: %d", n)
	}
	p.review() // there was demand
	for _, want := range []int{8, 4, 2, 2} {
		if n := p.fill(); n != want {
			t.Errorf("the idle stock is %d, want %d", n, want)
		}
		p.review()
	}
	p.takeMany(t, 1)
	p.fill()
	p.review()
	if n := p.fill(); n != minShells {
		t.Errorf("the smallest stock is %d", n)
	}
	p.close()
}

func TestNoStockIsKept(t *testing.T) {
	p := newTestShells(t, 0)
	p.takeMany(t, 3)
	if n := p.fill(); n != 0 {
		t.Errorf("%d shells in a stock of none", n)
	}
	p.close()
}

package bus_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/bus"
	"github.com/slipway-run/slipway/internal/testenv"
)

func openIntake(t *testing.T, b *bus.Bus) *bus.Intake {
	t.Helper()
	in, err := b.OpenIntake(within(t))
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func testEvent(id int) slipway.Event {
	return slipway.Event{ID: fmt.Sprint(id), Tenant: "t", Function: "f", Source: "api", Header: slipway.Header{"A": {"b"}},
		Payload: fmt.Appendf(nil, "payload %d", id), AcceptedAt: time.Unix(1000, 0).UTC()}
}

// kept collects what an intake gives, until n different events have come.
type kept struct {
	mu     sync.Mutex
	events map[string]slipway.Event
	calls  int
	refuse int // calls that fail first
}

func (k *kept) keep(_ context.Context, events []slipway.Event) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.calls++; k.calls <= k.refuse {
		return errors.New("the store is away")
	}
	if k.events == nil {
		k.events = map[string]slipway.Event{}
	}
	for _, e := range events {
		k.events[e.ID] = e
	}
	return nil
}

func (k *kept) await(t *testing.T, n int) {
	t.Helper()
	testenv.Eventually(t, time.Minute, func() error {
		k.mu.Lock()
		defer k.mu.Unlock()
		if len(k.events) != n {
			return fmt.Errorf("%d events came, want %d", len(k.events), n)
		}
		return nil
	})
}

// take gives what is put to k until the test ends or stop is called.
func take(t *testing.T, in *bus.Intake, k *kept) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- in.Take(ctx, k.keep) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("take: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func TestIntake(t *testing.T) {
	eachWay(t, bus.Config{}, func(t *testing.T, taker, putter *bus.Bus) {
		in, out := openIntake(t, putter), openIntake(t, taker)
		const n = 3000
		errs := make(chan error, n)
		for i := range n {
			go func() { errs <- in.Put(context.Background(), testEvent(i)) }()
		}
		for range n {
			if err := <-errs; err != nil {
				t.Fatal(err)
			}
		}
		if empty, err := in.Empty(within(t)); err != nil || empty {
			t.Errorf("before they are taken: empty is %t, %v", empty, err)
		}
		k := &kept{refuse: 1}
		take(t, out, k)
		if err := in.Settle(within(t)); err != nil {
			t.Fatal(err)
		}
		k.await(t, n) // at once: that is what Settle says
		for i := range n {
			if got, want := k.events[fmt.Sprint(i)], testEvent(i); string(got.Payload) != string(want.Payload) || got.Header["A"][0] != "b" || !got.AcceptedAt.Equal(want.AcceptedAt) {
				t.Fatalf("event %d came as %+v", i, got)
			}
		}
		if k.calls > n/2 {
			t.Errorf("%d events came in %d groups", n, k.calls)
		}
		if empty, err := in.Empty(within(t)); err != nil || !empty {
			t.Errorf("after they were taken: empty is %t, %v", empty, err)
		}
	})
}

func TestIntakeLimits(t *testing.T) {
	b := embedded(t, bus.Config{EventBytes: 2 << 20})
	in := openIntake(t, b)
	e := testEvent(1)
	e.Payload = make([]byte, bus.MaxInline)
	for i := 0; ; i++ { // until the stream is full
		err := in.Put(within(t), e)
		if errors.Is(err, slipway.ErrUnavailable) && slipway.RetryAfter(err) > 0 && i >= 4 {
			break
		}
		if err != nil || i > 100 {
			t.Fatalf("event %d: %v", i, err)
		}
	}
	k := &kept{}
	take(t, in, k)
	if err := in.Settle(within(t)); err != nil {
		t.Fatal(err)
	}
	testenv.Eventually(t, time.Minute, func() error { return in.Put(within(t), e) }) // there is room again
	e.Payload = make([]byte, bus.MaxInline+1)
	if err := in.Put(within(t), e); !errors.Is(err, slipway.ErrTooLarge) {
		t.Errorf("a payload that is too large: %v", err)
	}
	e.Payload, e.Header = nil, slipway.Header{"A": {strings.Repeat("x", 1<<20)}}
	if err := in.Put(within(t), e); !errors.Is(err, slipway.ErrTooLarge) {
		t.Errorf("a header that is too large: %v", err)
	}
}

// TestIntakeComesAgain: what was taken and not kept comes again, to another.
func TestIntakeComesAgain(t *testing.T) {
	b := embedded(t, bus.Config{})
	in := openIntake(t, b)
	if err := in.Put(within(t), testEvent(1)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() {
		ended <- in.Take(ctx, func(context.Context, []slipway.Event) error {
			cancel() // as if the process had died while it kept them
			return ctx.Err()
		})
	}()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	k := &kept{}
	take(t, openIntake(t, b), k)
	k.await(t, 1)
}

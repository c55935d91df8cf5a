package async_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/async"
	"github.com/slipway-run/slipway/internal/testenv"
)

func TestSuccess(t *testing.T) {
	w := newWorld(t)
	w.fn.define("f", echo)
	i := w.accept("f", `{"a": 1}`)
	if i.State != slipway.InvocationQueued || i.ID == "" {
		t.Fatalf("accepted: %+v", i)
	}
	i = w.await(i.ID, slipway.InvocationSucceeded)
	if string(i.Result) != `{"a":1}` || len(i.Attempts) != 1 || i.Attempts[0].Attempt != 1 || i.Version != 1 || i.EndedAt == nil || i.Error != nil {
		t.Errorf("%+v", i)
	}
	if _, err := w.engine.Invocation(t.Context(), "other", i.ID); !errors.Is(err, slipway.ErrNotFound) {
		t.Errorf("for another tenant: %v", err)
	}
	if _, err := w.engine.Accept(t.Context(), slipway.Event{Tenant: "default", Function: "none"}); !errors.Is(err, slipway.ErrNotFound) {
		t.Errorf("for a function that does not exist: %v", err)
	}
}

// TestRetries: two retries after one and two minutes, and then it has failed.
func TestRetries(t *testing.T) {
	w := newWorld(t)
	w.fn.define("poison", func(context.Context, call) (*slipway.Response, error) { return fails("ValueError", "no"), nil })
	id := w.accept("poison", `1`).ID
	for attempt := 1; attempt <= 2; attempt++ {
		testenv.Eventually(t, patience, func() error {
			i, err := w.engine.Invocation(t.Context(), "default", id)
			if err == nil && (i.State != slipway.InvocationQueued || len(i.Attempts) != attempt) {
				err = fmt.Errorf("%+v", i)
			}
			if err == nil {
				wait := i.NextAt.Sub(*i.Attempts[attempt-1].EndedAt)
				if want := time.Duration(attempt) * time.Minute; wait != want {
					t.Fatalf("attempt %d is followed by a wait of %s, want %s", attempt, wait, want)
				}
			}
			return err
		})
		w.pass(time.Duration(attempt) * time.Minute)
	}
	i := w.await(id, slipway.InvocationFailed)
	if len(i.Attempts) != 3 || i.Error.Type != "ValueError" || i.Error.Platform || i.LogTail != "the last line" {
		t.Errorf("%+v", i)
	}
	for n, c := range w.fn.calls("poison") {
		if c.attempt != n+1 || c.body != `1` {
			t.Errorf("call %d is attempt %d with %q", n, c.attempt, c.body)
		}
	}
}

// TestRules: the first rule that matches an error decides.
func TestRules(t *testing.T) {
	w := newWorld(t)
	w.fn.define("f", func(_ context.Context, c call) (*slipway.Response, error) {
		if c.body == "http" {
			r := answer("no")
			r.Status = 404
			return r, nil
		}
		return fails(c.body, "no"), nil
	}, func(s *slipway.AsyncSettings) {
		s.Backoff = 0
		s.Rules = []slipway.AsyncRule{
			{Error: "Bad*", Action: slipway.AsyncFail},
			{Error: "Busy", Action: slipway.AsyncRetry, Attempts: 5},
			{Error: "HTTP.4*", Action: slipway.AsyncFail},
		}
	})
	for kind, attempts := range map[string]int{"BadInput": 1, "Busy": 5, "Other": 3, "http": 1} {
		if i := w.await(w.accept("f", kind).ID, slipway.InvocationFailed); len(i.Attempts) != attempts {
			t.Errorf("%s had %d attempts, want %d", kind, len(i.Attempts), attempts)
		}
	}
}

// TestPlatformErrors do not count as attempts of the function, and end with max_age.
func TestPlatformErrors(t *testing.T) {
	w := newWorld(t)
	var refuse atomic.Bool
	refuse.Store(true)
	w.fn.define("f", func(ctx context.Context, c call) (*slipway.Response, error) {
		if refuse.Load() {
			return nil, slipway.Errorf(slipway.ErrLimit, "no room")
		}
		return echo(ctx, c)
	}, func(s *slipway.AsyncSettings) { s.Attempts = 1; s.MaxAge = slipway.Duration(10 * time.Minute) })
	id := w.accept("f", `1`).ID
	seen := 0
	testenv.Eventually(t, patience, func() error {
		if n := len(w.fn.calls("f")); n > seen {
			seen = n
			w.pass(5 * time.Second)
		}
		if seen < 3 {
			return fmt.Errorf("%d attempts", seen)
		}
		return nil
	})
	refuse.Store(false)
	w.pass(30 * time.Second)
	i := w.await(id, slipway.InvocationSucceeded)
	if !i.Attempts[0].Error.Platform || i.Attempts[0].Error.Type != "limit" || i.Error != nil {
		t.Errorf("%+v", i)
	}

	refuse.Store(true)
	id = w.accept("f", `2`).ID
	testenv.Eventually(t, patience, func() error {
		if i, err := w.engine.Invocation(t.Context(), "default", id); err != nil || len(i.Attempts) == 0 {
			return fmt.Errorf("%+v, %v", i, err)
		}
		return nil
	})
	w.pass(11 * time.Minute)
	if i = w.await(id, slipway.InvocationExpired); i.Error.Type != "expired" {
		t.Errorf("%+v", i)
	}
}

// TestTooOld: an event of a function that is paused expires without an attempt.
func TestTooOld(t *testing.T) {
	w := newWorld(t)
	w.fn.define("f", echo, func(s *slipway.AsyncSettings) { s.Paused = true; s.MaxAge = slipway.Duration(time.Minute) })
	id := w.accept("f", `1`).ID
	w.await(id, slipway.InvocationQueued)
	w.pass(time.Minute)
	if i := w.await(id, slipway.InvocationExpired); len(i.Attempts) != 0 || len(w.fn.calls("f")) != 0 {
		t.Errorf("%+v", i)
	}
}

// TestPayloads: of any size up to the limit, and what does not fit.
func TestPayloads(t *testing.T) {
	w := newWorld(t)
	w.fn.define("size", func(_ context.Context, c call) (*slipway.Response, error) {
		return answer(fmt.Sprintf(`{"size":%d,"sum":%d}`, len(c.body), strings.Count(c.body, "x"))), nil
	})
	w.fn.define("large", func(context.Context, call) (*slipway.Response, error) {
		return answer(`"` + strings.Repeat("x", 256<<10) + `"`), nil
	})
	for _, size := range []int{0, 1, 256 << 10, 256<<10 + 1, slipway.MaxAsyncPayload} {
		i := w.await(w.accept("size", strings.Repeat("x", size)).ID, slipway.InvocationSucceeded)
		if want := fmt.Sprintf(`{"size":%d,"sum":%d}`, size, size); string(i.Result) != want || i.Size != int64(size) {
			t.Errorf("%d bytes: %s, size %d", size, i.Result, i.Size)
		}
	}
	_, err := w.engine.Accept(t.Context(), slipway.Event{Tenant: "default", Function: "size", Payload: make([]byte, slipway.MaxAsyncPayload+1)})
	if !errors.Is(err, slipway.ErrTooLarge) {
		t.Errorf("over the limit: %v", err)
	}
	if i := w.await(w.accept("large", "").ID, slipway.InvocationSucceeded); i.Result != nil || !strings.Contains(i.ResultError, "256 KiB") {
		t.Errorf("a large answer: %+v", i)
	}
}

// TestSameID: the same id is the same event, before and after it is in the store.
func TestSameID(t *testing.T) {
	w := newWorld(t)
	w.fn.define("f", echo)
	id := slipway.EventID("default", "f", "key")
	for n := range 5 {
		e := slipway.Event{ID: id, Tenant: "default", Function: "f", Payload: fmt.Appendf(nil, "%d", n)}
		if i, err := w.engine.Accept(t.Context(), e); err != nil || i.ID != id {
			t.Fatalf("%+v, %v", i, err)
		}
		if n == 2 {
			w.await(id, slipway.InvocationSucceeded)
		}
	}
	w.await(w.accept("f", "last").ID, slipway.InvocationSucceeded)
	if calls := w.fn.calls("f"); len(calls) != 2 || calls[0].body != "0" {
		t.Errorf("the function got %d events", len(calls))
	}
}

func TestCancel(t *testing.T) {
	w := newWorld(t)
	began := make(chan struct{})
	w.fn.define("f", func(ctx context.Context, c call) (*slipway.Response, error) {
		close(began)
		<-ctx.Done()
		return nil, ctx.Err()
	})
	w.fn.define("paused", echo, func(s *slipway.AsyncSettings) { s.Paused = true })

	queued := w.accept("paused", "1").ID
	if i, err := w.engine.Cancel(t.Context(), "default", queued); err != nil || i.State != slipway.InvocationCancelled {
		t.Errorf("queued: %+v, %v", i, err)
	}
	id := w.accept("f", "1").ID
	<-began
	other, _ := w.start() // the one that is asked need not be the one that has it
	if _, err := other.Cancel(t.Context(), "default", id); err != nil {
		t.Error(err)
	}
	if i := w.await(id, slipway.InvocationCancelled); len(i.Attempts) != 1 || i.Cancelling {
		t.Errorf("running: %+v", i)
	}
	for _, id := range []string{queued, id} {
		if _, err := w.engine.Cancel(t.Context(), "default", id); !errors.Is(err, slipway.ErrConflict) {
			t.Errorf("again: %v", err)
		}
	}
	if _, err := w.engine.Cancel(t.Context(), "other", queued); !errors.Is(err, slipway.ErrNotFound) {
		t.Errorf("for another tenant: %v", err)
	}
}

// TestStop: what runs when an engine stops goes back, and does not count as an attempt.
func TestStop(t *testing.T) {
	w := newWorld(t, func(c *async.Config) { c.Grace = 50 * time.Millisecond })
	var calls atomic.Int32
	began := make(chan struct{})
	w.fn.define("f", func(ctx context.Context, c call) (*slipway.Response, error) {
		if calls.Add(1) == 1 {
			close(began)
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return echo(ctx, c)
	}, func(s *slipway.AsyncSettings) { s.Attempts = 1 })
	id := w.accept("f", "1").ID
	<-began
	w.stop()
	w.engine, _ = w.start()
	if i := w.await(id, slipway.InvocationSucceeded); len(i.Attempts) != 2 || i.Attempts[0].Error.Type != "interrupted" {
		t.Errorf("%+v", i)
	}
}

// TestManyEngines share the work, and nothing runs twice.
func TestManyEngines(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.start()
	w.fn.define("f", echo)
	w.fn.define("g", echo)
	const n = 1000
	errs := make(chan error, n)
	for i := range n {
		go func() {
			_, err := w.engine.Accept(context.Background(), slipway.Event{Tenant: "default", Function: string("fg"[i%2]), Payload: []byte("1")})
			errs <- err
		}()
	}
	for range n {
		must(t, <-errs)
	}
	testenv.Eventually(t, time.Minute, func() error {
		if f, g := len(w.fn.calls("f")), len(w.fn.calls("g")); f+g < n {
			return fmt.Errorf("%d and %d events ran", f, g)
		}
		return nil
	})
	seen := map[string]int{}
	for _, c := range append(w.fn.calls("f"), w.fn.calls("g")...) {
		seen[c.ID]++
	}
	if len(seen) != n {
		t.Errorf("%d different events ran, want %d", len(seen), n)
	}
	for id := range seen {
		w.await(id, slipway.InvocationSucceeded)
	}
}

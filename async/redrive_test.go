package async_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/slipway-run/slipway"
)

func TestRedrive(t *testing.T) {
	w := newWorld(t)
	poison := func(_ context.Context, c call) (*slipway.Response, error) { return fails("E", "no"), nil }
	once := func(s *slipway.AsyncSettings) { s.Attempts = 1 }
	w.fn.define("f", poison, once)
	large := strings.Repeat("x", 300<<10)
	id, second := w.accept("f", large).ID, w.accept("f", "2").ID
	w.await(id, slipway.InvocationFailed)
	w.await(second, slipway.InvocationFailed)
	w.fn.define("f", func(_ context.Context, c call) (*slipway.Response, error) {
		return answer(fmt.Sprint(len(c.body))), nil
	}, once)

	next, err := w.engine.Redrive(t.Context(), "default", id)
	if err != nil || next.Source != "redrive:"+id || next.ID == id {
		t.Fatalf("%+v, %v", next, err)
	}
	if i := w.await(next.ID, slipway.InvocationSucceeded); string(i.Result) != fmt.Sprint(len(large)) {
		t.Errorf("%+v", i)
	}
	if old, err := w.engine.Invocation(t.Context(), "default", id); err != nil || old.Redriven != next.ID || old.State != slipway.InvocationFailed {
		t.Errorf("%+v, %v", old, err)
	}
	if _, err := w.engine.Redrive(t.Context(), "default", id); !errors.Is(err, slipway.ErrConflict) {
		t.Errorf("twice: %v", err)
	}
	if _, err := w.engine.Redrive(t.Context(), "default", next.ID); !errors.Is(err, slipway.ErrConflict) {
		t.Errorf("of one that succeeded: %v", err)
	}
	if _, err := w.engine.Redrive(t.Context(), "other", second); !errors.Is(err, slipway.ErrNotFound) {
		t.Errorf("of another tenant's: %v", err)
	}
	ref := slipway.FunctionRef{Tenant: "default", Function: "f"}
	for _, want := range []int{1, 0} {
		if n, more, err := w.engine.RedriveAll(t.Context(), ref); n != want || more || err != nil {
			t.Errorf("all: %d, %t, %v; want %d", n, more, err, want)
		}
	}
	i, err := w.engine.Invocation(t.Context(), "default", second)
	must(t, err)
	w.await(i.Redriven, slipway.InvocationSucceeded)

	_, body, err := w.engine.Payload(t.Context(), "default", next.ID)
	must(t, err)
	defer body.Close()
	if b, err := io.ReadAll(body); err != nil || string(b) != large {
		t.Errorf("the redriven event has %d bytes, %v", len(b), err)
	}
}

func TestReplay(t *testing.T) {
	w := newWorld(t)
	w.fn.define("f", func(_ context.Context, c call) (*slipway.Response, error) {
		return answer(`{"of":` + c.body + `,"qualifier":"` + c.Qualifier + `"}`), nil
	})
	w.fn.define("paused", echo, func(s *slipway.AsyncSettings) { s.Paused = true })
	id := w.accept("f", "7").ID
	w.await(id, slipway.InvocationSucceeded)
	r, err := w.engine.Replay(t.Context(), "default", id, 0)
	if err != nil || !r.Equal || r.Diff != "" || string(r.Replayed.Result) != `{"of":7,"qualifier":""}` || r.Invocation != id {
		t.Errorf("%+v, %v", r, err)
	}
	r, err = w.engine.Replay(t.Context(), "default", id, 3)
	if err != nil || r.Equal || r.Diff != `result.qualifier: "", now "3"` {
		t.Errorf("%+v, %v", r, err)
	}
	w.fn.define("f", func(context.Context, call) (*slipway.Response, error) { return fails("E", "no"), nil })
	if r, err = w.engine.Replay(t.Context(), "default", id, 0); err != nil || r.Equal || !strings.Contains(r.Diff, `state: "succeeded", now "failed"`) || r.Replayed.LogTail == "" {
		t.Errorf("%+v, %v", r, err)
	}
	if i := w.await(id, slipway.InvocationSucceeded); len(i.Attempts) != 1 {
		t.Errorf("a replay left %+v", i)
	}
	queued := w.accept("paused", "1").ID
	if _, err := w.engine.Replay(t.Context(), "default", queued, 0); !errors.Is(err, slipway.ErrConflict) {
		t.Errorf("of one that is queued: %v", err)
	}
	if _, err := w.engine.Replay(t.Context(), "other", id, 0); !errors.Is(err, slipway.ErrNotFound) {
		t.Errorf("of another tenant's: %v", err)
	}
}

package async_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/async"
	"github.com/slipway-run/slipway/internal/testenv"
)

// TestTakeover: the events of an engine that died run again, with another number, and
// what it would say afterwards is not heard.
func TestTakeover(t *testing.T) {
	w := newWorld(t, func(c *async.Config) { c.Lease = 300 * time.Millisecond })
	w.fn.define("f", echo, func(s *slipway.AsyncSettings) { s.Paused = true; s.Attempts = 1 })
	id, cancelled := w.accept("f", "1").ID, w.accept("f", "2").ID
	w.await(id, slipway.InvocationQueued)
	w.await(cancelled, slipway.InvocationQueued)
	ref := slipway.FunctionRef{Tenant: "default", Function: "f"}

	_, err := w.store.EngineBeat(t.Context(), "dying", "elsewhere")
	must(t, err)
	turns, err := w.store.ClaimTurns(t.Context(), "dying", w.now(), []slipway.Claim{{FunctionRef: ref, Most: 2}})
	must(t, err)
	if len(turns) != 2 {
		t.Fatalf("%+v", turns)
	}
	must(t, w.store.CancelInvocation(t.Context(), "default", cancelled))
	w.fn.define("f", echo, func(s *slipway.AsyncSettings) { s.Attempts = 1 })
	i := w.await(id, slipway.InvocationSucceeded)
	if len(i.Attempts) != 2 || i.Attempts[0].Error == nil || i.Attempts[0].Error.Type != "interrupted" || i.Attempts[1].Attempt != 2 {
		t.Errorf("%+v", i)
	}
	w.await(cancelled, slipway.InvocationCancelled)
	if calls := w.fn.calls("f"); len(calls) != 1 || calls[0].attempt != 2 {
		t.Errorf("%+v", calls)
	}
	recorded, err := w.store.EndTurns(t.Context(), []slipway.TurnEnd{{ID: id, Owner: "dying", Attempt: 1, State: slipway.InvocationFailed, At: w.now()}})
	if err != nil || recorded[0] {
		t.Errorf("the dead engine was heard: %v, %v", recorded, err)
	}
}

// TestForgetting: records go after the retention, and with them what only they needed.
func TestForgetting(t *testing.T) {
	w := newWorld(t, func(c *async.Config) { c.Clean = 50 * time.Millisecond })
	w.fn.define("f", echo)
	id := w.accept("f", strings.Repeat("x", 300<<10)).ID
	w.await(id, slipway.InvocationSucceeded)
	e, err := w.store.Event(t.Context(), "default", id)
	must(t, err)
	has := func() bool {
		has, err := w.bus.Blobs().Has(t.Context(), e.Blob)
		must(t, err)
		return has
	}
	w.pass(6 * 24 * time.Hour)
	next := w.accept("f", "1").ID
	w.await(next, slipway.InvocationSucceeded)
	if !has() {
		t.Fatal("a blob that a record names is gone")
	}
	w.pass(25 * time.Hour)
	testenv.Eventually(t, patience, func() error {
		if _, err := w.store.Invocation(t.Context(), "default", id); !errors.Is(err, slipway.ErrNotFound) {
			return fmt.Errorf("the record is still there: %v", err)
		}
		if has() {
			return errors.New("the blob is still there")
		}
		return nil
	})
	w.await(next, slipway.InvocationSucceeded)
}

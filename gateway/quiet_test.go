package gateway_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"

	"github.com/slipway-run/slipway/sdk"
)

// counter is a log that counts its records.
type counter struct{ records atomic.Int64 }

func (c *counter) Enabled(context.Context, slog.Level) bool { return true }
func (c *counter) WithAttrs([]slog.Attr) slog.Handler       { return c }
func (c *counter) WithGroup(string) slog.Handler            { return c }
func (c *counter) Handle(context.Context, slog.Record) error {
	c.records.Add(1)
	return nil
}

// TestEventsAreQuiet: warm events write no log line, not even a debug one, and ask the
// store nothing, which is not there at the end.
func TestEventsAreQuiet(t *testing.T) {
	w := newWorld(t)
	w.stop()
	log := &counter{}
	w.start(slog.New(log))
	w.api = sdk.New(w.url, w.key)
	w.publish("hello", nil)
	w.newInvoker("a").handle(echo)
	send := func() {
		t.Helper()
		for range 200 {
			resp, body := w.event("POST", "/fn/hello", "hi")
			check(t, resp, body, 200, "hi")
		}
	}
	send()
	before := log.records.Load()
	send()
	if n := log.records.Load() - before; n > 20 { // a few may be about what else goes on
		t.Errorf("200 events wrote %d lines to the log", n)
	}
	must(t, w.store.Close())
	send()
}

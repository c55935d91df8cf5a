package gateway

import (
	"context"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/gateway/choose"
	"github.com/slipway-run/slipway/internal/bus"
)

// choice is the invoker that an event goes to. It counts there until done is called.
type choice struct {
	choose.Choice
	invokers *invokers
	subject  string
}

// done says that the event has ended.
func (c choice) done() {
	if c.invokers == nil {
		return
	}
	c.invokers.mu.Lock()
	c.invokers.table.Done(c.Choice)
	c.invokers.mu.Unlock()
}

// choose finds the invoker for an event of spec, other than the one named except ("" for
// none). It waits for one to appear, unless except says that it is the second attempt.
func (t *invokers) choose(ctx context.Context, spec *slipway.Spec, except string) (choice, error) {
	t.mu.Lock()
	c, ok := t.table.Take(spec, except, time.Now())
	t.mu.Unlock()
	var err error
	if !ok && except != "" {
		err = errNoInvoker
	} else if !ok {
		err = t.wait(ctx, func(now time.Time) bool {
			c, ok = t.table.Take(spec, "", now)
			return ok
		})
	}
	if err != nil {
		return choice{}, err
	}
	return choice{Choice: c, invokers: t, subject: bus.InvokeSubject(c.Invoker)}, nil
}

// roomiest is the id of the invoker with most free memory, for a build.
func (t *invokers) roomiest(ctx context.Context, except string) (string, error) {
	var id string
	err := t.wait(ctx, func(now time.Time) (ok bool) {
		id, ok = t.table.Roomiest(except, now)
		return ok
	})
	return id, err
}

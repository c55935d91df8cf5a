package trigger

import (
	"context"
	"errors"
	"maps"
	"strconv"
	"sync"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/bus"
)

// consumption is how the messages of a stream are taken for t. Names of tenants and
// triggers have no two hyphens in a row, so that no two triggers share a consumer.
func consumption(t slipway.Trigger) bus.Consumption {
	return bus.Consumption{Stream: t.NATS.Stream, Subject: t.NATS.Subject, Durable: "slipway--" + t.Tenant + "--" + t.Name}
}

// listeners are the triggers of NATS that are listened for. One goroutine has them.
type listeners struct {
	e     *Engine
	now   map[slipway.TriggerRef]*listener
	again chan struct{} // rung when one has ended by itself, or should be tried again
}

type listener struct {
	trigger slipway.Trigger
	stop    func()
	ended   chan struct{} // holds one when the consumer is gone
}

func newListeners(e *Engine) *listeners {
	return &listeners{e: e, now: map[slipway.TriggerRef]*listener{}, again: make(chan struct{}, 1)}
}

// follow listens for those of armed that are of NATS, and for no others.
func (l *listeners) follow(ctx context.Context, all map[slipway.TriggerRef]*armed) {
	if l.e.outside == nil {
		return
	}
	for ref, one := range l.now {
		if a := all[ref]; a == nil || a.Revision != one.trigger.Revision || !a.CreatedAt.Equal(one.trigger.CreatedAt) || len(one.ended) > 0 {
			one.stop()
			delete(l.now, ref)
		}
	}
	failed := false
	for ref, a := range all {
		if a.Type != slipway.TriggerNATS || l.now[ref] != nil || ctx.Err() != nil {
			continue
		}
		one, err := l.listen(ctx, a.Trigger)
		if err != nil {
			failed = true
			l.e.log.Warn("a trigger cannot listen; it is tried again", "tenant", a.Tenant, "trigger", a.Name, "err", err)
			l.e.did.add(ref, l.e.status(ref, slipway.Firing{}, err))
			continue
		}
		l.now[ref] = one
	}
	if failed {
		time.AfterFunc(lastWait, func() { ring(l.again) })
	}
}

// listenTime bounds the making of a consumer.
const listenTime = 5 * time.Second

func (l *listeners) listen(ctx context.Context, t slipway.Trigger) (*listener, error) {
	one := &listener{trigger: t, ended: make(chan struct{}, 1)}
	var err error
	if t.NATS.Stream == "" {
		life := context.WithoutCancel(ctx) // what has come is fired, also while it stops
		one.stop, err = l.e.outside.Listen(t.NATS.Subject, consumption(t).Durable, func(m bus.Message) { l.e.message(life, t, m) })
		return one, err
	}
	short, cancel := context.WithTimeout(ctx, listenTime)
	defer cancel()
	one.stop, err = l.e.outside.Consume(short, consumption(t), func(ctx context.Context, m bus.Message) bus.Verdict {
		return l.e.message(ctx, t, m)
	}, func(error) { ring(one.ended); ring(l.again) })
	return one, err
}

// stop listens no more. What has come is fired.
func (l *listeners) stop() {
	var all sync.WaitGroup
	for _, one := range l.now {
		all.Go(one.stop)
	}
	all.Wait()
	clear(l.now)
}

// message fires t for a message and says what becomes of it.
func (e *Engine) message(ctx context.Context, t slipway.Trigger, m bus.Message) bus.Verdict {
	ctx, cancel := context.WithTimeout(ctx, fireTime)
	defer cancel()
	firing, err := e.fire(ctx, t, ofMessage(t, m))
	e.fired(t.Ref(), firing, err)
	switch {
	case err == nil:
		return bus.Done
	case errors.Is(err, slipway.ErrTooLarge):
		return bus.Never
	default: // a function that is gone may come back: the stream keeps the message for it
		return bus.Again
	}
}

// ofMessage is the occurrence of a message. One of a stream is named by its place there;
// a plain one by the id that its sender gave it, if he did.
func ofMessage(t slipway.Trigger, m bus.Message) occurrence {
	header := passed(m.Header)
	header[subjectHeader] = []string{m.Subject}
	o := occurrence{id: slipway.NewID(), header: header, payload: m.Data}
	if types := header["Content-Type"]; len(types) > 0 {
		o.contentType = types[0]
	}
	if ids := m.Header["Nats-Msg-Id"]; len(ids) > 0 {
		o.id = once(t, "message", ids[0])
	}
	if m.Stream != "" {
		o.id = once(t, "stream", m.Stream, strconv.FormatUint(m.Sequence, 10), m.Time.UTC().Format(time.RFC3339Nano))
	}
	if event, err := slipway.BinaryCloudEvent(m.Header, m.Data); err == nil {
		o.contentType = event.DataType
		maps.Copy(header, event.Header())
	}
	return o
}

// forget has NATS forget a trigger that is gone.
func (e *Engine) forget(ctx context.Context, t slipway.Trigger) {
	if t.NATS == nil || t.NATS.Stream == "" || e.outside == nil {
		return
	}
	if err := e.outside.Forget(ctx, consumption(t)); err != nil {
		e.log.Warn("the consumer of a deleted trigger is still there; delete it with 'nats consumer rm'", "tenant", t.Tenant, "trigger", t.Name, "err", err)
	}
}

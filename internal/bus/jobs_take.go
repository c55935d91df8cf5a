package bus

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/slipway-run/slipway"
)

const (
	workConsumerKept = 5 * time.Minute  // by the server, for an invoker that lost its connection
	workTwice        = 15 * time.Minute // an assignment that is given twice comes within
	takePause        = time.Second      // before JetStream is asked again after an error
)

// TakeJobs gives f what one incarnation of an invoker is given, in the order in which it
// was given, one call at a time, until ctx ends; that is no error. Either slice may be
// empty. f must have it in its hands when it returns, and must not wait for an attempt.
// An assignment comes once, also when it was given twice; an order may come again, and
// may be about an attempt that has ended. Losses of the connection are mended.
func (b *Bus) TakeJobs(ctx context.Context, invoker, incarnation string, f func([]slipway.Assignment, []slipway.JobOrder)) error {
	subject, err := workFor(invoker, incarnation)
	if err != nil {
		return err
	}
	t := workTaker{bus: b, give: f, deps: map[string][]slipway.DepOutput{}}
	cfg := jetstream.ConsumerConfig{
		Name: "work-" + strings.ReplaceAll(subject[len(workSubject):], ".", "-"), FilterSubject: subject,
		AckPolicy: jetstream.AckExplicitPolicy, AckWait: time.Minute, InactiveThreshold: workConsumerKept,
	}
	for ctx.Err() == nil {
		err := b.consume(ctx, workStream, cfg, t.take)
		b.pauseAfter(ctx, "take assignments", err)
	}
	return nil
}

// workTaker gives on what comes, once.
type workTaker struct {
	bus  *Bus
	give func([]slipway.Assignment, []slipway.JobOrder)
	seen twice
	deps map[string][]slipway.DepOutput // that came before their assignment
}

// twice is the names that came within a while: those of this one, and of the one before.
type twice struct {
	since    time.Time
	now, old map[string]struct{}
}

// came says whether a name came within d before, and remembers it.
func (t *twice) came(name string, at time.Time, d time.Duration) bool {
	if t.now == nil || at.Sub(t.since) > d {
		t.since, t.old, t.now = at, t.now, map[string]struct{}{}
	}
	_, now := t.now[name]
	_, old := t.old[name]
	t.now[name] = struct{}{}
	return now || old
}

func (t *workTaker) take(msg jetstream.Msg) error {
	var w work
	if err := json.Unmarshal(msg.Data(), &w); err != nil {
		t.bus.log.Error("work that cannot be read is left out", "err", err)
		return msg.Ack()
	}
	if d := w.Deps; d != nil {
		t.keep(*d)
		return msg.Ack()
	}
	t.give(t.fresh(w.Assignments), w.Orders)
	return msg.Ack()
}

// keep keeps outputs until the assignment comes that gets them. It may have been given
// twice, the first time not to the end.
func (t *workTaker) keep(d deps) {
	have := t.deps[d.Assignment]
	t.deps[d.Assignment] = append(have[:min(d.First, len(have))], d.Outputs...)
}

// fresh is the assignments that did not come before.
func (t *workTaker) fresh(all []slipway.Assignment) []slipway.Assignment {
	now := time.Now()
	var fresh []slipway.Assignment
	for _, a := range all {
		if d := t.deps[a.ID]; d != nil {
			a.Deps = d
			delete(t.deps, a.ID)
		}
		if !t.seen.came(a.ID, now, workTwice) {
			fresh = append(fresh, a)
		}
	}
	return fresh
}

// consume gives f the messages of a consumer until ctx ends or something fails.
func (b *Bus) consume(ctx context.Context, stream string, cfg jetstream.ConsumerConfig, f func(jetstream.Msg) error) error {
	consumer, err := b.js.CreateOrUpdateConsumer(ctx, stream, cfg)
	if err != nil {
		return err
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(64))
	if err != nil {
		return err
	}
	defer messages.Stop()
	for {
		msg, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return err
		}
		if err := f(msg); err != nil {
			return err
		}
	}
}

// pauseAfter says what went wrong, unless it is the end, and waits a moment.
func (b *Bus) pauseAfter(ctx context.Context, act string, err error) {
	if ctx.Err() != nil {
		return
	}
	if err != nil && !errors.Is(err, jetstream.ErrMsgIteratorClosed) {
		b.log.Warn("trying again in a moment", "act", act, "err", err)
	}
	select {
	case <-ctx.Done():
	case <-time.After(takePause):
	}
}

package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/slipway-run/slipway"
)

const (
	reportsConsumer  = "scheduler"
	reportsAtOnce    = 128             // messages in one call of TakeReports' function
	reportsAckWait   = 5 * time.Minute // longer than a commit takes; a new scheduler does not wait for it
	schedulerPatient = 5 * time.Second // between two looks at whether the consumer is still ours
)

// Report stores what happened to attempts, for the scheduler to record, in order. It is
// durable when Report returns nil, and the invoker may forget it. It tries again until
// ctx ends. Reports of several callers at the same time go in one message.
func (b *Bus) Report(ctx context.Context, reports []slipway.AttemptReport) error {
	return b.reports.add(ctx, b, reports)
}

// reports is the reports of this process that wait to be sent together.
type reports struct {
	mu      sync.Mutex
	sending bool
	waiting []slipway.AttemptReport
	sent    chan error // gets the outcome of what waits; one send for each caller
	callers int
}

// add puts reports into the next message. The first caller sends it, and those that come
// meanwhile are the one after.
func (r *reports) add(ctx context.Context, b *Bus, all []slipway.AttemptReport) error {
	if len(all) == 0 {
		return nil
	}
	r.mu.Lock()
	if r.sent == nil {
		r.sent = make(chan error, 1)
	}
	outcome := r.sent
	r.waiting = append(r.waiting, all...)
	r.callers++
	lead := !r.sending
	if lead {
		r.sending = true
		go r.send(context.WithoutCancel(ctx), b)
	}
	r.mu.Unlock()
	select {
	case err := <-outcome:
		if err != nil {
			return r.alone(ctx, b, all)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("report attempts: %w", ctx.Err())
	}
}

// send sends what waits until nothing does.
func (r *reports) send(ctx context.Context, b *Bus) {
	for {
		r.mu.Lock()
		all, outcome, callers := r.waiting, r.sent, r.callers
		r.waiting, r.sent, r.callers = nil, nil, 0
		r.sending = len(all) > 0
		r.mu.Unlock()
		if len(all) == 0 {
			return
		}
		err := b.storeReports(ctx, all)
		tell(outcome, callers, err)
	}
}

// tell gives err to n callers, some of which may have gone.
func tell(outcome chan error, n int, err error) {
	if err == nil {
		close(outcome)
		return
	}
	go func() {
		patience := time.NewTimer(storeTimeout)
		defer patience.Stop()
		for range n {
			select {
			case outcome <- err:
			case <-patience.C:
				return
			}
		}
	}()
}

// alone tries again until ctx ends.
func (r *reports) alone(ctx context.Context, b *Bus, all []slipway.AttemptReport) error {
	return b.retry(ctx, "report attempts", func(ctx context.Context) error { return b.storeReports(ctx, all) })
}

func (b *Bus) storeReports(ctx context.Context, all []slipway.AttemptReport) error {
	messages, err := pack(reportsSubject, all, func(part []slipway.AttemptReport) any { return part })
	if err != nil {
		return err
	}
	return b.publishAll(ctx, "report attempts", messages)
}

// TakeReports gives f what invokers report, in order, one call at a time, beginning with
// what nobody has recorded yet. Only when f returns nil are they forgotten; an error of f
// ends TakeReports with it. waiting is how many messages there still are behind: 0 is
// once everything is known that was reported up to now, and f is called with that at the
// beginning, too, when there is none. There is one taker: who comes later takes over,
// and TakeReports of the one before ends with ErrConflict. It ends without an error when
// ctx ends.
func (b *Bus) TakeReports(ctx context.Context, f func(reports []slipway.AttemptReport, waiting int) error) error {
	err := b.takeReports(ctx, f)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (b *Bus) takeReports(ctx context.Context, f func([]slipway.AttemptReport, int) error) error {
	stream, err := b.js.Stream(ctx, reportsStream)
	if err != nil {
		return b.natsError("take reports", err)
	}
	// A new consumer begins with whatever is left in the stream, without waiting for
	// what another one was given and has not acknowledged.
	if err := stream.DeleteConsumer(ctx, reportsConsumer); err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
		return b.natsError("take reports", err)
	}
	consumer, err := stream.CreateConsumer(ctx, jetstream.ConsumerConfig{
		Durable: reportsConsumer, AckPolicy: jetstream.AckExplicitPolicy, AckWait: reportsAckWait, MaxAckPending: 8 * reportsAtOnce,
	})
	if err != nil {
		return b.natsError("take reports", err)
	}
	if consumer.CachedInfo().NumPending == 0 {
		if err := f(nil, 0); err != nil {
			return err
		}
	}
	come := make(chan jetstream.Msg, 2*reportsAtOnce)
	running, stop := context.WithCancel(ctx)
	defer stop()
	consuming, err := consumer.Consume(func(msg jetstream.Msg) {
		select {
		case come <- msg:
		case <-running.Done():
		}
	}, jetstream.PullMaxMessages(reportsAtOnce), jetstream.ConsumeErrHandler(func(jetstream.ConsumeContext, error) {}))
	if err != nil {
		return b.natsError("take reports", err)
	}
	defer consuming.Stop()
	return b.recordReports(running, consumer, consuming, come, f)
}

// recordReports gives f all that has come, again and again.
func (b *Bus) recordReports(ctx context.Context, consumer jetstream.Consumer, consuming jetstream.ConsumeContext, come chan jetstream.Msg, f func([]slipway.AttemptReport, int) error) error {
	made := consumer.CachedInfo().Created
	look := time.NewTicker(schedulerPatient)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-consuming.Closed():
			return errTakenOver()
		case <-look.C:
			info, err := consumer.Info(ctx)
			if errors.Is(err, jetstream.ErrConsumerNotFound) || err == nil && !info.Created.Equal(made) {
				return errTakenOver()
			}
		case first := <-come:
			if err := b.recordSome(first, come, f); err != nil {
				return err
			}
		}
	}
}

func errTakenOver() error {
	return slipway.Errorf(slipway.ErrConflict, "another scheduler takes the reports")
}

func (b *Bus) recordSome(first jetstream.Msg, come chan jetstream.Msg, f func([]slipway.AttemptReport, int) error) error {
	messages := []jetstream.Msg{first}
	for more := true; more && len(messages) < reportsAtOnce; {
		select {
		case msg := <-come:
			messages = append(messages, msg)
		default:
			more = false
		}
	}
	var all []slipway.AttemptReport
	waiting := 0
	for _, msg := range messages {
		var part []slipway.AttemptReport
		if err := json.Unmarshal(msg.Data(), &part); err != nil {
			b.log.Error("reports that cannot be read are left out", "err", err)
		}
		all = append(all, part...)
		if meta, err := msg.Metadata(); err == nil {
			waiting = int(meta.NumPending)
		}
	}
	if err := f(all, waiting+len(come)); err != nil {
		return err
	}
	for _, msg := range messages {
		if err := msg.Ack(); err != nil {
			return b.natsError("take reports", err)
		}
	}
	return nil
}

// RingJobs tells the scheduler that there are new jobs. Like every notice it may be lost.
func (b *Bus) RingJobs() error { return b.tell(bellSubject, struct{}{}) }

// WatchJobBell calls f, one call at a time, when there are new jobs.
func (b *Bus) WatchJobBell(f func()) (stop func(), err error) {
	return watch(b, bellSubject, func(struct{}) { f() })
}

// EchoJobs has the scheduler hear itself, as long as anything can be heard at all.
func (b *Bus) EchoJobs() error { return b.tell(echoSubject, struct{}{}) }

// WatchJobEcho calls f, one call at a time, for every EchoJobs.
func (b *Bus) WatchJobEcho(f func()) (stop func(), err error) {
	return watch(b, echoSubject, func(struct{}) { f() })
}

// PublishJobChanges tells everyone that something has changed about jobs, of arrays the
// parents. Like every notice it may be lost.
func (b *Bus) PublishJobChanges(ids []string) error {
	messages, err := pack(jobsSubject, ids, func(part []string) any { return part })
	if err != nil {
		return err
	}
	for _, msg := range messages {
		if err := b.publish(msg.Subject, "", msg.Data); err != nil {
			return err
		}
	}
	return nil
}

// WatchJobChanges calls f, one call at a time, with the ids of jobs that change from now
// on.
func (b *Bus) WatchJobChanges(f func(ids []string)) (stop func(), err error) {
	return watch(b, jobsSubject, f)
}

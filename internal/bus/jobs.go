package bus

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/slipway-run/slipway"
)

const (
	workStream     = "JOBWORK"
	workSubject    = "slipway.jobs.work." // followed by <invoker>.<incarnation>
	reportsStream  = "JOBREPORTS"
	reportsSubject = "slipway.jobs.reports"
	bellSubject    = "slipway.jobs.bell"
	echoSubject    = "slipway.jobs.echo"
	jobsSubject    = "slipway.jobs.changes"

	// JobsSubject answers what is asked of the one scheduler.
	JobsSubject = "slipway.jobs.scheduler"

	// workKept is longer than an invoker can be away and still be one that has attempts.
	workKept = time.Hour

	jobMessageBytes = 256 << 10 // of assignments, orders or reports in one message
)

// openJobs makes the streams of jobs. In the embedded server work goes to disk a moment
// after it is acknowledged: whoever it is meant for dies with that server, and what an
// invoker that is gone had is given to another one. Reports are synced.
func (b *Bus) openJobs(ctx context.Context) error {
	work := jetstream.StreamConfig{
		Name: workStream, Description: "attempts of jobs that invokers are to run, and orders about them",
		Subjects: []string{workSubject + ">"}, Retention: jetstream.WorkQueuePolicy,
		Storage: jetstream.FileStorage, Replicas: b.cfg.Replicas, MaxAge: workKept,
	}
	if existing, err := b.js.Stream(ctx, workStream); err == nil {
		work.PersistMode = existing.CachedInfo().Config.PersistMode // which cannot be changed
	} else if b.cfg.Server != nil {
		work.PersistMode = jetstream.AsyncPersistMode
	}
	if _, err := b.js.CreateOrUpdateStream(ctx, work); err != nil {
		return err
	}
	_, err := b.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: reportsStream, Description: "what happened to attempts of jobs",
		Subjects: []string{reportsSubject}, Retention: jetstream.WorkQueuePolicy,
		Storage: jetstream.FileStorage, Replicas: b.cfg.Replicas,
	})
	return err
}

// work is a message to an invoker.
type work struct {
	Assignments []slipway.Assignment `json:"assignments,omitempty"`
	Orders      []slipway.JobOrder   `json:"orders,omitempty"`
	Deps        *deps                `json:"deps,omitempty"`
}

// deps is some of the outputs that an assignment gets, from the First on, when they are too
// many for one message. The assignment follows without them.
type deps struct {
	Assignment string              `json:"assignment"`
	First      int                 `json:"first"`
	Outputs    []slipway.DepOutput `json:"outputs"`
}

// depsAtOnce is how many outputs go in one message; names are short.
const depsAtOnce = 1000

// workFor is the subject of one incarnation of an invoker.
func workFor(invoker, incarnation string) (string, error) {
	for _, token := range []string{invoker, incarnation} {
		if token == "" || strings.ContainsAny(token, ".*> \t\r\n") {
			return "", slipway.Errorf(slipway.ErrInvalid, "%q cannot be part of the name of an invoker or of its incarnation", token)
		}
	}
	return workSubject + invoker + "." + incarnation, nil
}

// GiveAssignments sends attempts to one incarnation of an invoker. When it returns nil
// they wait in the stream until they are taken. After an error some may have been sent:
// giving an assignment twice does no harm, see [Bus.TakeJobs].
func (b *Bus) GiveAssignments(ctx context.Context, invoker, incarnation string, all []slipway.Assignment) error {
	subject, err := workFor(invoker, incarnation)
	if err != nil {
		return err
	}
	var messages []*nats.Msg
	short := slices.Clone(all)
	for i, a := range all {
		if len(a.Deps) <= depsAtOnce {
			continue
		}
		parts, err := packDeps(subject, a)
		if err != nil {
			return err
		}
		messages = append(messages, parts...)
		short[i].Deps = nil
	}
	rest, err := pack(subject, short, func(part []slipway.Assignment) any { return work{Assignments: part} })
	return cmp.Or(err, b.publishAll(ctx, "give assignments to "+invoker, append(messages, rest...)))
}

// packDeps makes messages of the outputs that an assignment gets.
func packDeps(subject string, a slipway.Assignment) (messages []*nats.Msg, err error) {
	first := 0
	for outputs := range slices.Chunk(a.Deps, depsAtOnce) {
		data, err := json.Marshal(work{Deps: &deps{a.ID, first, outputs}})
		if err != nil {
			return nil, fmt.Errorf("write a message about jobs: %w", err)
		}
		messages = append(messages, &nats.Msg{Subject: subject, Data: data})
		first += len(outputs)
	}
	return messages, nil
}

// OrderJobs sends orders to one incarnation of an invoker, behind what it was given
// before.
func (b *Bus) OrderJobs(ctx context.Context, invoker, incarnation string, orders []slipway.JobOrder) error {
	subject, err := workFor(invoker, incarnation)
	if err != nil {
		return err
	}
	messages, err := pack(subject, orders, func(part []slipway.JobOrder) any { return work{Orders: part} })
	return cmp.Or(err, b.publishAll(ctx, "order "+invoker, messages))
}

// PurgeJobs forgets what an incarnation of an invoker was given and has not taken: it is
// gone, and nobody will.
func (b *Bus) PurgeJobs(ctx context.Context, invoker, incarnation string) error {
	subject, err := workFor(invoker, incarnation)
	if err != nil {
		return err
	}
	stream, err := b.js.Stream(ctx, workStream)
	if err == nil {
		err = stream.Purge(ctx, jetstream.WithPurgeSubject(subject))
	}
	return b.natsError("forget the work of "+invoker, err)
}

// pack makes messages of bounded size of all.
func pack[T any](subject string, all []T, envelope func([]T) any) ([]*nats.Msg, error) {
	if len(all) == 0 {
		return nil, nil
	}
	data, err := json.Marshal(envelope(all))
	if err != nil {
		return nil, fmt.Errorf("write a message about jobs: %w", err)
	}
	if len(data) <= jobMessageBytes || len(all) == 1 {
		return []*nats.Msg{{Subject: subject, Data: data}}, nil
	}
	first, err := pack(subject, all[:len(all)/2], envelope)
	if err != nil {
		return nil, err
	}
	second, err := pack(subject, all[len(all)/2:], envelope)
	return append(first, second...), err
}

// publishAll stores messages in order and returns when all of them are stored.
func (b *Bus) publishAll(ctx context.Context, act string, messages []*nats.Msg) error {
	if err := b.room(); err != nil {
		return err
	}
	var acks []jetstream.PubAckFuture
	for _, msg := range messages {
		ack, err := b.js.PublishMsgAsync(msg)
		if err != nil {
			return b.natsError(act, err)
		}
		acks = append(acks, ack)
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	for _, ack := range acks {
		select {
		case <-ack.Ok():
		case err := <-ack.Err():
			return b.natsError(act, err)
		case <-ctx.Done():
			return b.natsError(act, ctx.Err())
		}
	}
	return nil
}

package bus

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/slipway-run/slipway"
)

const (
	logsStream      = "LOGS"
	jobLogsStream   = "JOBLOGS" // apart, so that a night's work does not push out what functions said
	messagesPerName = 10_000    // batches kept of one topic, so that one cannot push out all others
	skew            = time.Minute
	abandoned       = 30 * time.Second // after which the server forgets a reader that is gone
)

// openLogs makes the streams of log lines, or gives them the present limits. In the
// embedded server they go to disk a moment after they are acknowledged: see doc.go.
func (b *Bus) openLogs(ctx context.Context) error {
	return errors.Join(
		b.openLogStream(ctx, logsStream, "what functions print", logsSubject),
		b.openLogStream(ctx, jobLogsStream, "what jobs print", jobLogsSubject))
}

func (b *Bus) openLogStream(ctx context.Context, name, what, subject string) error {
	cfg := jetstream.StreamConfig{
		Name: name, Description: what,
		Subjects: []string{subject + ">"}, Storage: jetstream.FileStorage, Replicas: b.cfg.Replicas,
		Discard: jetstream.DiscardOld, MaxAge: b.cfg.LogAge, MaxBytes: b.cfg.LogBytes, MaxMsgsPerSubject: messagesPerName,
		Compression: jetstream.S2Compression,
	}
	if existing, err := b.js.Stream(ctx, name); err == nil {
		cfg.PersistMode = existing.CachedInfo().Config.PersistMode // which cannot be changed
	} else if b.cfg.Server != nil { // a cluster could not make such a stream a replicated one
		cfg.PersistMode = jetstream.AsyncPersistMode
	}
	_, err := b.js.CreateOrUpdateStream(ctx, cfg)
	return err
}

// LogQuery says which lines are wanted.
type LogQuery struct {
	Since  time.Time // lines printed then or later; zero is all that are kept
	Follow bool      // go on with new lines until ctx ends
	Limit  int       // of the lines that are there already, the last so many; 0 is all
}

// Logs gives the lines of a function to f, oldest first, until there are no more, or
// with Follow until ctx ends (which is then no error), or f gives an error, which is
// returned. Lines appear about 50 ms after they were printed.
func (b *Bus) Logs(ctx context.Context, ref slipway.FunctionRef, q LogQuery, f func(slipway.LogLine) error) error {
	if err := cmp.Or(slipway.CheckName("tenant", ref.Tenant), slipway.CheckName("function", ref.Function)); err != nil {
		return err // no wildcards, which would read what others printed
	}
	t := functionTopic(ref)
	return b.readLogs(ctx, logsStream, t.subject(), &logReader{topic: t, query: q, give: f})
}

// readLogs gives the lines of a subject to r. That ctx ends is the end of following.
func (b *Bus) readLogs(ctx context.Context, stream, subject string, r *logReader) error {
	err := b.eachBatch(ctx, stream, subject, r)
	if r.query.Follow && ctx.Err() != nil {
		return nil
	}
	return err
}

func (b *Bus) eachBatch(ctx context.Context, stream, subject string, r *logReader) error {
	consumer, err := b.js.OrderedConsumer(ctx, stream, consumerConfig(subject, r.query))
	if err != nil {
		return b.natsError("read the log", err)
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(100))
	if err != nil {
		return b.natsError("read the log", err)
	}
	defer messages.Stop()
	for waiting := consumer.CachedInfo().NumPending; ; {
		if waiting == 0 {
			if err := r.caughtUp(); err != nil || !r.query.Follow {
				return err
			}
		}
		msg, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return b.logError(ctx, err)
		}
		meta, err := msg.Metadata()
		if err != nil {
			return b.natsError("read the log", err)
		}
		if err := eachLine(msg.Data(), r.topic, r.line); err != nil {
			return err
		}
		waiting = meta.NumPending
	}
}

func consumerConfig(subject string, q LogQuery) jetstream.OrderedConsumerConfig {
	cfg := jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{subject},
		DeliverPolicy:  jetstream.DeliverAllPolicy, InactiveThreshold: abandoned,
	}
	if !q.Since.IsZero() { // lines are stored after they were printed, by another clock
		from := q.Since.Add(-skew)
		cfg.DeliverPolicy, cfg.OptStartTime = jetstream.DeliverByStartTimePolicy, &from
	}
	return cfg
}

func (b *Bus) logError(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return contextError(ctx)
	case errors.Is(err, jetstream.ErrMsgIteratorClosed):
		return slipway.Errorf(slipway.ErrUnavailable, "read the log: this process is shutting down")
	default:
		return b.natsError("read the log", err)
	}
}

// logReader picks the lines that are wanted.
type logReader struct {
	topic topic // whose names the lines get
	query LogQuery
	want  func(slipway.LogLine) bool // nil is all
	give  func(slipway.LogLine) error
	live  bool              // the lines that were there have been given
	tail  []slipway.LogLine // a ring of the last Limit lines, while not live
	next  int               // where the next goes; the oldest when the ring is full
}

func (r *logReader) line(l slipway.LogLine) error {
	if l.At.Before(r.query.Since) || r.want != nil && !r.want(l) {
		return nil
	}
	if r.live || r.query.Limit == 0 {
		return r.give(l)
	}
	if len(r.tail) < r.query.Limit {
		r.tail = append(r.tail, l)
		return nil
	}
	r.tail[r.next] = l
	r.next = (r.next + 1) % len(r.tail)
	return nil
}

// caughtUp gives what was kept back.
func (r *logReader) caughtUp() error {
	r.live = true
	for i := range r.tail {
		if err := r.give(r.tail[(r.next+i)%len(r.tail)]); err != nil {
			return err
		}
	}
	r.tail, r.next = nil, 0
	return nil
}

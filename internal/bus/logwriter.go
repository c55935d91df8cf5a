package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/slipway-run/slipway"
)

const (
	batchBytes   = 64 << 10 // of lines in one message
	topicBytes   = 1 << 20  // of lines of one topic that wait to be stored
	queueBytes   = 32 << 20 // of lines of all topics that wait
	batchEvery   = 50 * time.Millisecond
	storeTimeout = 5 * time.Second
)

// LogWriter stores the lines that functions and jobs print. Lines of one function become
// messages of up to 64 KiB, sent after 50 ms at the latest. A function that prints
// faster than its lines can be stored loses some, and a line of the stream "platform"
// says how many; other functions lose none for it. The same holds for a job, and for a
// few neighbours of an array together.
type LogWriter struct {
	bus *Bus
	log *slog.Logger

	full chan struct{} // a batch need not wait for the clock
	last chan struct{} // closed by stop: store what is there, and end
	once sync.Once
	done chan struct{}

	mu     sync.Mutex
	closed bool
	bytes  int                  // that wait
	queues map[topic]*lineQueue // of topics with lines that wait
	order  []topic              // whose turn it is
	taken  topic                // of the batch that is being stored; zero when none is
	synced map[topic][]chan struct{}
}

// lineQueue is what waits of one topic.
type lineQueue struct {
	batches [][]byte // all but the last are full
	bytes   int
	before  int64 // time of the last line of the last batch
	dropped int   // lines since the last batch was taken
	example slipway.LogLine
}

// LogWriter gives a writer that lasts until Close of the bus, which stores what still
// waits: what instances say while they are stopped must not be lost when ctx, which
// says that it is time to stop, has ended. From ctx come values only.
func (b *Bus) LogWriter(ctx context.Context) *LogWriter {
	w := &LogWriter{
		bus: b, log: b.log,
		full: make(chan struct{}, 1), last: make(chan struct{}), done: make(chan struct{}),
		queues: map[topic]*lineQueue{}, synced: map[topic][]chan struct{}{},
	}
	b.mu.Lock()
	b.writers = append(b.writers, w)
	b.mu.Unlock()
	go w.run(context.WithoutCancel(ctx))
	return w
}

// Write takes a line, never waits, and may be called from several goroutines.
func (w *LogWriter) Write(l slipway.LogLine) {
	w.write(functionTopic(slipway.FunctionRef{Tenant: l.Tenant, Function: l.Function}), l)
}

// WriteJob is Write for a line of a job.
func (w *LogWriter) WriteJob(l slipway.JobLogLine) {
	w.write(jobTopic(l.Tenant, l.Job, l.Index), jobLine(l))
}

func (w *LogWriter) write(t topic, l slipway.LogLine) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	q := w.queues[t]
	if q == nil {
		q = &lineQueue{}
		w.queues[t] = q
		w.order = append(w.order, t)
	}
	if q.bytes+len(l.Text) > topicBytes || w.bytes+len(l.Text) > queueBytes {
		q.dropped++
		q.example = l
		q.example.Text = ""
		return
	}
	n := q.add(&l)
	w.bytes += n
	if len(q.batches) > 1 {
		w.wake()
	}
}

func (w *LogWriter) wake() {
	select {
	case w.full <- struct{}{}:
	default:
	}
}

// add puts a line behind the others and says how many bytes it became.
func (q *lineQueue) add(l *slipway.LogLine) int {
	if n := len(q.batches); n == 0 || len(q.batches[n-1])+len(l.Text) > batchBytes {
		q.batches, q.before = append(q.batches, nil), 0
	}
	batch := &q.batches[len(q.batches)-1]
	size := len(*batch)
	*batch = appendLine(*batch, l, q.before)
	q.before = l.At.UnixNano()
	size = len(*batch) - size
	q.bytes += size
	return size
}

// run stores batches until stop.
func (w *LogWriter) run(ctx context.Context) {
	defer close(w.done)
	clock := time.NewTicker(batchEvery)
	defer clock.Stop()
	for {
		select {
		case <-clock.C:
		case <-w.full:
		case <-w.last:
			w.flush(ctx)
			return
		}
		w.flush(ctx)
	}
}

// stop stores what waits, and returns when that is done or ctx ends.
func (w *LogWriter) stop(ctx context.Context) {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.once.Do(func() { close(w.last) })
	select {
	case <-w.done:
	case <-ctx.Done():
		w.log.Warn("log lines are lost: they could not be stored before the end")
	}
}

// flush stores all that waits now, one batch of each topic in turn.
func (w *LogWriter) flush(ctx context.Context) {
	for {
		t, batch := w.take()
		if batch == nil {
			return
		}
		err := w.store(ctx, t, batch)
		w.stored(t)
		if err != nil {
			w.log.Warn("log lines could not be stored", "tenant", t.tenant, t.kind(), t.name, "err", err)
			return
		}
	}
}

// take gives the next batch, and puts the topic at the end of the line.
func (w *LogWriter) take() (topic, []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.order) == 0 {
		return topic{}, nil
	}
	t := w.order[0]
	w.order = w.order[1:]
	q := w.queues[t]
	if len(q.batches) <= 1 && q.dropped > 0 {
		w.bytes += q.add(q.flooded())
	}
	w.taken = t
	batch := q.batches[0]
	q.batches[0] = nil
	q.batches = q.batches[1:]
	q.bytes -= len(batch)
	w.bytes -= len(batch)
	if len(q.batches) == 0 {
		delete(w.queues, t)
	} else {
		w.order = append(w.order, t)
	}
	return t, batch
}

// stored says that a batch is stored, or lost. Who waits for its topic goes on when nothing
// of it is left.
func (w *LogWriter) stored(t topic) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.taken = topic{}
	if w.queues[t] == nil {
		for _, done := range w.synced[t] {
			close(done)
		}
		delete(w.synced, t)
	}
}

// SyncJob returns when what was written about a job, or about one of its children, can be
// read; or is lost, or ctx ends. It is quick when that is nothing.
func (w *LogWriter) SyncJob(ctx context.Context, tenant, job string, index int) {
	t, done := jobTopic(tenant, job, index), make(chan struct{})
	w.mu.Lock()
	if w.queues[t] == nil && w.taken != t {
		w.mu.Unlock()
		return
	}
	w.synced[t] = append(w.synced[t], done)
	w.mu.Unlock()
	w.wake()
	select {
	case <-done:
	case <-w.done:
	case <-ctx.Done():
	}
}

// flooded is the line that stands for those that were dropped.
func (q *lineQueue) flooded() *slipway.LogLine {
	l := q.example
	l.Stream, l.Invocation = "platform", ""
	l.Text = fmt.Sprintf("%d lines were dropped here: they were printed faster than they could be stored", q.dropped)
	q.dropped = 0
	return &l
}

// store writes one batch to JetStream, trying until it is there or the bus closes. The
// message's id keeps an attempt whose acknowledgement was lost from storing it twice.
func (w *LogWriter) store(ctx context.Context, t topic, batch []byte) error {
	msg := &nats.Msg{Subject: t.subject(), Data: batch}
	id := jetstream.WithMsgID(slipway.NewID())
	said := false
	for {
		err := w.publish(ctx, msg, id)
		if err == nil || hopeless(err) {
			return err
		}
		if !said {
			said = true
			w.log.Warn("log lines wait to be stored; trying again", "err", w.bus.natsError("store log lines", err))
		}
		select {
		case <-w.bus.closing.Done():
			return err
		case <-time.After(retryEvery):
		}
	}
}

// hopeless says that a message cannot be stored, however often that is tried.
func hopeless(err error) bool {
	return errors.Is(err, nats.ErrConnectionClosed) || errors.Is(err, nats.ErrMaxPayload) || errors.Is(err, nats.ErrBadSubject)
}

func (w *LogWriter) publish(ctx context.Context, msg *nats.Msg, id jetstream.PublishOpt) error {
	if err := w.bus.room(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	_, err := w.bus.js.PublishMsg(ctx, msg, id)
	return err
}

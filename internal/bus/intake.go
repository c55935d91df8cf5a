package bus

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/slipway-run/slipway"
)

const (
	eventsStream   = "EVENTS"
	eventsConsumer = "engines"

	groupBytes  = 768 << 10 // of events in one message; NATS takes 1 MiB
	groupEvents = 1000
	heapBytes   = 64 << 20 // of events that wait for their turn; more are refused
)

// Intake is the stream of events that were accepted and are not in the store yet.
//
// What was taken is removed once a second, all of it at once but for the last message
// (trim). A work queue would write to the disk for each acknowledgement, beside the events
// that are being accepted.
//
// Put groups: while one message is on its way to the disk, the events that come meanwhile
// gather, and go as the next one. So one client waits for one write of the disk, and
// sixty-four do not wait for sixty-four.
type Intake struct {
	bus      *Bus
	stream   jetstream.Stream
	consumer jetstream.Consumer

	mu      sync.Mutex
	groups  []*group // that wait; all but the last are full
	bytes   int      // in groups
	sending bool     // somebody sends groups until none is left
}

// group is the events of one message and those who wait for it.
type group struct {
	data   []byte
	events int
	done   chan struct{} // closed when err is set
	err    error
}

// OpenIntake makes the stream of events, or gives it the present limits.
func (b *Bus) OpenIntake(ctx context.Context) (*Intake, error) {
	in := &Intake{bus: b}
	return in, b.retry(ctx, "make the stream of events", in.open)
}

func (in *Intake) open(ctx context.Context) (err error) {
	in.stream, err = in.bus.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: eventsStream, Description: "events that were accepted and are not in the store yet",
		Subjects: []string{eventsSubject}, Storage: jetstream.FileStorage, Replicas: in.bus.cfg.Replicas,
		Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardNew, MaxBytes: in.bus.cfg.EventBytes,
	})
	if err != nil {
		return err
	}
	in.consumer, err = in.stream.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
		Durable: eventsConsumer, AckPolicy: jetstream.AckExplicitPolicy, DeliverPolicy: jetstream.DeliverAllPolicy,
		AckWait: ackWait, MaxDeliver: -1, MaxAckPending: aheadMessages,
	})
	return err
}

// MaxInline is the most bytes of a payload that Put takes; a larger one is kept as a blob.
const MaxInline = 256 << 10

// Put makes an event durable: when it returns nil, the event is on disk. When ctx ends
// before, the event may be on disk or not.
func (in *Intake) Put(ctx context.Context, e slipway.Event) error {
	if len(e.Payload) > MaxInline {
		return slipway.Errorf(slipway.ErrTooLarge, "an event of %d bytes in a message; at most %d go in one", len(e.Payload), MaxInline)
	}
	data, err := appendEvent(make([]byte, 0, len(e.Payload)+512), &e)
	if err != nil {
		return err
	}
	g, err := in.join(data)
	if err != nil {
		return err
	}
	select {
	case <-g.done:
		return g.err
	case <-ctx.Done():
		return contextError(ctx)
	}
}

// join puts an event into the group that goes next and has room.
func (in *Intake) join(data []byte) (*group, error) {
	if len(data) > groupBytes {
		return nil, slipway.Errorf(slipway.ErrTooLarge, "the event's header and payload are %d bytes; at most %d are allowed", len(data), groupBytes)
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.bytes+len(data) > heapBytes {
		return nil, &slipway.Error{Kind: slipway.ErrUnavailable, Message: "events come faster than the disk takes them; try again", RetryAfter: time.Second}
	}
	n := len(in.groups)
	if n == 0 || in.groups[n-1].events >= groupEvents || len(in.groups[n-1].data)+len(data) > groupBytes {
		in.groups = append(in.groups, &group{done: make(chan struct{})})
		n = len(in.groups)
	}
	g := in.groups[n-1]
	g.data, g.events = append(g.data, data...), g.events+1
	in.bytes += len(data)
	if !in.sending {
		in.sending = true
		go in.send()
	}
	return g, nil
}

// send stores groups, one after the other, until none is left.
func (in *Intake) send() {
	for g := in.next(); g != nil; g = in.next() {
		g.err = in.store(g)
		close(g.done)
	}
}

// next takes the group whose turn it is; nil ends the sending.
func (in *Intake) next() *group {
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.groups) == 0 {
		in.groups, in.sending = nil, false
		return nil
	}
	g := in.groups[0]
	in.groups[0], in.groups = nil, in.groups[1:]
	in.bytes -= len(g.data)
	return g
}

// store writes one group. Whoever sends again after an error may store an event twice,
// which the store sees by its id.
func (in *Intake) store(g *group) error {
	if err := in.bus.room(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(in.bus.closing, storeTimeout)
	defer cancel()
	_, err := in.bus.js.PublishMsg(ctx, &nats.Msg{Subject: eventsSubject, Data: g.data}, jetstream.WithRetryAttempts(0))
	if err == nil {
		return nil
	}
	known := slipway.Errorf(slipway.ErrUnavailable, "the event was not accepted: JetStream did not store it (%w); try again", err)
	known.RetryAfter = time.Second
	return known
}

// Empty says whether no event waits to be taken.
func (in *Intake) Empty(ctx context.Context) (bool, error) {
	info, err := in.consumer.Info(ctx)
	if err != nil {
		return false, in.bus.natsError("look at the stream of events", err)
	}
	return caughtUp(info), nil
}

// caughtUp says whether all messages were taken and acknowledged.
func caughtUp(info *jetstream.ConsumerInfo) bool {
	return info.NumPending == 0 && info.NumAckPending == 0
}

// settlePause is how long Settle waits at first before it looks again.
const settlePause = time.Millisecond

// Settle returns when all events that were put before are in the store, so that who reads
// it then sees them. It gives up with ErrTimeout when ctx ends.
func (in *Intake) Settle(ctx context.Context) error {
	stream, err := in.stream.Info(ctx)
	if err != nil {
		return in.bus.natsError("look at the stream of events", err)
	}
	for pause := settlePause; ; pause = min(2*pause, 100*time.Millisecond) {
		info, err := in.consumer.Info(ctx)
		if err != nil {
			return in.bus.natsError("look at the stream of events", err)
		}
		if caughtUp(info) || info.AckFloor.Stream >= stream.State.LastSeq {
			return nil
		}
		select {
		case <-ctx.Done():
			return contextError(ctx)
		case <-time.After(pause):
		}
	}
}

// trim removes what was taken and acknowledged, but for the last message.
func (in *Intake) trim(ctx context.Context) error {
	if err := in.bus.roomToRemove(); err != nil {
		return err
	}
	consumer, err := in.consumer.Info(ctx)
	if err != nil {
		return err
	}
	stream, err := in.stream.Info(ctx)
	if err != nil {
		return err
	}
	keep := min(consumer.AckFloor.Stream, stream.State.LastSeq)
	if keep <= stream.State.FirstSeq {
		return nil
	}
	return in.stream.Purge(ctx, jetstream.WithPurgeSequence(keep)) // those before keep
}

// readEvents decodes a message; one that cannot be read will never be.
func (in *Intake) readEvents(msg jetstream.Msg) ([]slipway.Event, error) {
	events, err := decodeEvents(msg.Data())
	if err != nil {
		return nil, fmt.Errorf("a message of the stream %s cannot be read: %w", eventsStream, err)
	}
	return events, nil
}

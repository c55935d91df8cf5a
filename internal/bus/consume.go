package bus

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/slipway-run/slipway"
)

const (
	consumeAckWait = 30 * time.Second // a message that is not answered for so long goes to another one
	consumeAtOnce  = 64               // messages of a consumer that one process has
	consumeAhead   = 8 << 20          // bytes of messages that wait in one process
	consumeFirst   = time.Second      // until a message that was refused comes again; doubled each time
	consumeLast    = time.Minute
)

// Consumption is how messages of a stream are taken.
type Consumption struct {
	Stream  string
	Subject string // of those messages of the stream that are taken
	Durable string // name of the consumer: those with the same name share the messages, and its place is kept
}

// Verdict is what becomes of a message.
type Verdict int

// The verdicts.
const (
	Done  Verdict = iota // it was taken, and does not come again
	Again                // it comes again later
	Never                // it cannot be taken, and does not come again
)

// Consume calls f, many calls at once, with the messages of a stream, from those that come
// after the consumer was made on. ended is called when it ends before stop: the stream or
// the consumer was deleted; consume again.
func (o *Outside) Consume(ctx context.Context, c Consumption, f func(context.Context, Message) Verdict, ended func(error)) (stop func(), err error) {
	consumer, err := o.js.CreateOrUpdateConsumer(ctx, c.Stream, jetstream.ConsumerConfig{
		Durable: c.Durable, FilterSubject: c.Subject, DeliverPolicy: jetstream.DeliverNewPolicy,
		AckPolicy: jetstream.AckExplicitPolicy, AckWait: consumeAckWait, MaxAckPending: 4 * consumeAtOnce,
	})
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, slipway.Errorf(slipway.ErrNotFound, "stream %q does not exist", c.Stream)
	}
	if err != nil {
		return nil, o.bus.natsError("consume the stream "+c.Stream, err)
	}
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	seats, running := make(chan struct{}, consumeAtOnce), &sync.WaitGroup{}
	consuming, err := consumer.Consume(func(m jetstream.Msg) {
		seats <- struct{}{}
		running.Go(func() {
			defer func() { <-seats }()
			o.judge(m, f(life, fromStream(m)))
		})
	}, jetstream.PullMaxBytes(consumeAhead), jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) {
		if errors.Is(err, jetstream.ErrConsumerDeleted) || errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) {
			ended(err)
		}
	}))
	if err != nil {
		end()
		return nil, o.bus.natsError("consume the stream "+c.Stream, err)
	}
	return func() {
		consuming.Drain() // what is on its way to this process is taken: nobody else gets it before consumeAckWait
		<-consuming.Closed()
		running.Wait()
		end()
	}, nil
}

// judge answers a message. An answer that is lost makes the message come again.
func (o *Outside) judge(m jetstream.Msg, v Verdict) {
	var err error
	switch v {
	case Done:
		err = m.Ack()
	case Never:
		err = m.TermWithReason("slipway: it cannot be taken")
	default:
		err = m.NakWithDelay(again(m))
	}
	if err != nil {
		o.bus.log.Debug("answering a message of a stream", "subject", m.Subject(), "err", err)
	}
}

// again is when a message that was refused comes again.
func again(m jetstream.Msg) time.Duration {
	delay := consumeFirst
	if meta, err := m.Metadata(); err == nil {
		delay <<= min(meta.NumDelivered-1, 6)
	}
	return min(delay, consumeLast)
}

func fromStream(m jetstream.Msg) Message {
	out := Message{Subject: m.Subject(), Header: canonical(m.Headers()), Data: m.Data()}
	if meta, err := m.Metadata(); err == nil {
		out.Stream, out.Sequence, out.Time = meta.Stream, meta.Sequence.Stream, meta.Timestamp
	}
	return out
}

// Forget deletes a consumer. One that is not there is no error.
func (o *Outside) Forget(ctx context.Context, c Consumption) error {
	err := o.js.DeleteConsumer(ctx, c.Stream, c.Durable)
	if errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil
	}
	return o.bus.natsError("delete the consumer "+c.Durable+" of the stream "+c.Stream, err)
}

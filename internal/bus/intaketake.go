package bus

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/slipway-run/slipway"
)

const (
	ackWait       = 5 * time.Second // after which events that an engine took and did not store are given again
	aheadMessages = 256             // that all engines together may have taken
	takeMessages  = 64              // that one engine asks for at once
	takeAgain     = time.Second     // after an error
	trimEvery     = time.Second
)

// Take gives accepted events to keep, in groups, until ctx ends. They are acknowledged when
// keep has returned nil; else, or when this process dies, they come again, here or at
// another engine: keep must know an event by its id. The events' memory belongs to keep.
func (in *Intake) Take(ctx context.Context, keep func(context.Context, []slipway.Event) error) error {
	messages, err := in.consumer.Messages(jetstream.PullMaxMessages(takeMessages), jetstream.WithMessagesErrOnMissingHeartbeat(false))
	if err != nil {
		return in.bus.natsError("take events", err)
	}
	defer messages.Stop()
	queue := make(chan jetstream.Msg, takeMessages)
	go in.pump(ctx, messages, queue)
	trim := time.NewTicker(trimEvery)
	defer trim.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-trim.C:
			// That the disk is full is said to those who send.
			if err := in.trim(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, slipway.ErrUnavailable) {
				in.bus.log.Warn("removing events that were taken from their stream", "err", err)
			}
		case msg, ok := <-queue:
			if !ok && ctx.Err() != nil {
				return nil
			}
			if !ok {
				return in.bus.natsError("take events", errors.New("the stream's consumer is gone"))
			}
			in.keepGroup(ctx, gatherMessages(msg, queue), keep)
		}
	}
}

// pump moves messages from the client library to a channel, so that who reads it can see
// whether there are more without waiting.
func (in *Intake) pump(ctx context.Context, messages jetstream.MessagesContext, queue chan<- jetstream.Msg) {
	defer close(queue)
	for {
		msg, err := messages.Next(jetstream.NextContext(ctx))
		switch {
		case err == nil:
			select {
			case queue <- msg:
			case <-ctx.Done():
				return
			}
		case ctx.Err() != nil, errors.Is(err, jetstream.ErrMsgIteratorClosed):
			return
		default:
			in.bus.log.Warn("taking events; trying again", "err", err)
			select {
			case <-ctx.Done():
				return
			case <-time.After(takeAgain):
			}
		}
	}
}

// gatherMessages is first and those that are there already, up to about groupBytes: a few
// thousand small events, which the store writes in a fraction of a second.
func gatherMessages(first jetstream.Msg, queue <-chan jetstream.Msg) []jetstream.Msg {
	taken, size := []jetstream.Msg{first}, len(first.Data())
	for size < groupBytes {
		select {
		case msg, ok := <-queue:
			if !ok {
				return taken
			}
			taken, size = append(taken, msg), size+len(msg.Data())
		default:
			return taken
		}
	}
	return taken
}

// keepGroup gives the events of messages to keep, and acknowledges or returns them.
func (in *Intake) keepGroup(ctx context.Context, messages []jetstream.Msg, keep func(context.Context, []slipway.Event) error) {
	var events []slipway.Event
	for _, msg := range messages {
		some, err := in.readEvents(msg)
		if err != nil { // written by something else, or damaged: never by Put
			in.bus.log.Error("events are lost", "err", err)
		}
		events = append(events, some...)
	}
	err := keep(ctx, events)
	if err != nil && ctx.Err() == nil {
		in.bus.log.Warn("accepted events wait; the store does not take them", "events", len(events), "err", err)
	}
	for _, msg := range messages {
		if err == nil {
			err := msg.Ack() // one that is lost has the message come again, which does no harm
			if err != nil && ctx.Err() == nil {
				in.bus.log.Warn("acknowledging events", "err", err)
			}
			continue
		}
		_ = msg.NakWithDelay(takeAgain) // else it comes again after ackWait
	}
}

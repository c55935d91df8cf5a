package bus

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/slipway-run/slipway"
)

// SendMessage sends a message to whoever listens on a subject outside of Slipway's own.
// When a stream of JetStream takes the subject, the message is in it before the return;
// else the server has it, and who does not listen now misses it.
func (b *Bus) SendMessage(ctx context.Context, subject string, header slipway.Header, data []byte) error {
	if _, err := slipway.ParseDestination("nats:" + subject); err != nil {
		return err
	}
	msg := &nats.Msg{Subject: subject, Header: nats.Header(header), Data: data}
	_, err := b.js.StreamNameBySubject(ctx, subject)
	switch {
	case err == nil:
		_, err = b.js.PublishMsg(ctx, msg)
	case errors.Is(err, jetstream.ErrStreamNotFound):
		if err = b.bulk.PublishMsg(msg); err == nil {
			err = b.bulk.FlushWithContext(ctx)
		}
	}
	return b.natsError("send to "+subject, err)
}

package bus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/textproto"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/slipway-run/slipway"
)

// OutsideConfig is where messages that are not the platform's come from.
type OutsideConfig struct {
	URL    string  // of NATS servers, as in Config; unused with Server
	Server *Server // the embedded server
	Name   string  // of this process, as NATS shows it; "slipway-outside"
}

// Outside is a connection for messages that are not the platform's own: those that set
// triggers off, and outcomes that are sent somewhere. On the embedded server it is in an
// account of its own; on another one, whoever runs that says what it may do.
type Outside struct {
	bus *Bus // of which it uses the connection's making and mending
	nc  *nats.Conn
	js  jetstream.JetStream
}

// ConnectOutside connects, trying for up to 30 s. Later losses are mended for ever.
func ConnectOutside(ctx context.Context, cfg OutsideConfig, log *slog.Logger) (*Outside, error) {
	b := &Bus{cfg: Config{URL: cfg.URL, Server: cfg.Server, Name: cmp.Or(cfg.Name, "slipway-outside")}.withDefaults(), log: log}
	b.closing, b.close = context.WithCancel(context.Background())
	ctx, cancel := context.WithTimeout(ctx, b.cfg.ConnectTimeout)
	defer cancel()
	var more []nats.Option
	if cfg.Server != nil {
		more = append(more, nats.Token(cfg.Server.doors.others))
	}
	nc, err := b.dial(ctx, b.cfg.Name, more...)
	if err != nil {
		return nil, err
	}
	o := &Outside{bus: b, nc: nc}
	if o.js, err = jetstream.New(nc); err != nil {
		o.Close()
		return nil, fmt.Errorf("use JetStream: %w", err)
	}
	return o, nil
}

// Close disconnects. What was taken and not answered comes again.
func (o *Outside) Close() {
	o.bus.close()
	o.nc.Close()
}

// SendMessage sends a message. When a stream of JetStream takes the subject, the message is
// in it before the return; else the server has it, and who does not listen now misses it.
func (o *Outside) SendMessage(ctx context.Context, subject string, header slipway.Header, data []byte) error {
	if _, err := slipway.ParseDestination("nats:" + subject); err != nil {
		return err
	}
	msg := &nats.Msg{Subject: subject, Header: nats.Header(header), Data: data}
	_, err := o.js.StreamNameBySubject(ctx, subject)
	switch {
	case err == nil:
		_, err = o.js.PublishMsg(ctx, msg)
	case errors.Is(err, jetstream.ErrStreamNotFound), errors.Is(err, jetstream.ErrJetStreamNotEnabled):
		if err = o.nc.PublishMsg(msg); err == nil {
			err = o.nc.FlushWithContext(ctx)
		}
	}
	if errors.Is(err, nats.ErrMaxPayload) {
		return slipway.Errorf(slipway.ErrTooLarge, "the message is %d bytes; NATS is set to take %d", len(data), o.nc.MaxPayload())
	}
	return o.bus.natsError("send to "+subject, err)
}

// Message is one that came from outside.
type Message struct {
	Subject string
	Header  slipway.Header // in canonical form
	Data    []byte

	Stream   string    // of JetStream; "" for a plain message
	Sequence uint64    // in the stream, from 1
	Time     time.Time // when the stream took it
}

// Listen calls f, many calls at once, with the plain messages of a subject: each goes to
// one of those that listen with the same group. What comes while nobody does is lost.
func (o *Outside) Listen(subject, group string, f func(Message)) (stop func(), err error) {
	seats, running, closed := make(chan struct{}, consumeAtOnce), &sync.WaitGroup{}, make(chan struct{})
	sub, err := o.nc.QueueSubscribe(subject, group, func(m *nats.Msg) {
		seats <- struct{}{}
		running.Go(func() {
			defer func() { <-seats }()
			f(Message{Subject: m.Subject, Header: canonical(m.Header), Data: m.Data})
		})
	})
	if err != nil {
		return nil, o.bus.natsError("listen to "+subject, err)
	}
	sub.SetClosedHandler(func(string) { close(closed) })
	if err := o.nc.FlushTimeout(o.bus.cfg.PeerTimeout); err != nil {
		_ = sub.Unsubscribe() // fails only when it is over anyway
		return nil, o.bus.natsError("listen to "+subject, err)
	}
	return func() {
		if sub.Drain() == nil { // else it is over anyway
			select { // what is on its way to this process is taken
			case <-closed:
			case <-time.After(o.bus.cfg.CloseTimeout):
			}
		}
		running.Wait()
	}, nil
}

func canonical(h nats.Header) slipway.Header {
	out := make(slipway.Header, len(h))
	for name, values := range h {
		key := textproto.CanonicalMIMEHeaderKey(name)
		out[key] = append(out[key], values...)
	}
	return out
}

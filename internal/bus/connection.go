package bus

import (
	"cmp"
	"context"
	"net"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// dial connects, again and again until ctx ends.
func (b *Bus) dial(ctx context.Context, name string, more ...nats.Option) (conn *nats.Conn, err error) {
	err = b.retry(ctx, "connect to NATS at "+b.address(), func(context.Context) error {
		conn, err = nats.Connect(b.cfg.URL, append(b.options(name), more...)...)
		return err
	})
	return conn, err
}

// retryEvery is the pause between attempts while a server comes up.
const retryEvery = 250 * time.Millisecond

// retry calls try until it succeeds, ctx ends, or trying again cannot help.
func (b *Bus) retry(ctx context.Context, act string, try func(context.Context) error) error {
	tick := time.NewTicker(retryEvery)
	defer tick.Stop()
	for said := false; ; {
		err := try(ctx)
		if err == nil {
			return nil
		}
		if !said && ctx.Err() == nil {
			said = true
			b.log.Warn("the bus is not there yet", "act", act, "err", err)
		}
		if permanent(err) {
			return b.natsError(act, err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return b.natsError(act, cmp.Or(err, ctx.Err()))
		}
	}
}

// address is where NATS is, without passwords and tokens.
func (b *Bus) address() string {
	if b.cfg.Server != nil {
		return "the embedded server"
	}
	servers := strings.Split(b.cfg.URL, ",")
	for i, server := range servers {
		servers[i] = server[strings.LastIndexAny(server, "@/")+1:]
	}
	return strings.Join(servers, ", ")
}

const dialTimeout = 2 * time.Second // of one attempt to connect

func (b *Bus) options(name string) []nats.Option {
	opts := []nats.Option{
		nats.Name(name), nats.Timeout(dialTimeout),
		nats.MaxReconnects(-1), nats.ReconnectWait(100 * time.Millisecond), nats.ReconnectJitter(100*time.Millisecond, time.Second),
		nats.ReconnectBufSize(-1), // say that there is no connection rather than send late
		nats.PingInterval(2 * time.Second), nats.MaxPingsOutstanding(2),
		nats.DisconnectErrHandler(b.lost), nats.ReconnectHandler(b.found), nats.ErrorHandler(b.asyncError),
	}
	if s := b.cfg.Server; s != nil {
		opts = append(opts, nats.InProcessServer(s), nats.Token(s.doors.own))
	}
	return opts
}

// wired are the options of a connection over l.
func (b *Bus) wired(l *line) []nats.Option {
	opts := []nats.Option{nats.WriteBufferSize(1)} // each message is given to the wire at once
	if b.cfg.Server != nil {
		return append(opts, nats.InProcessServer(wiredServer{b.cfg.Server, l}))
	}
	return append(opts, nats.SetCustomDialer(wiredDialer{net.Dialer{Timeout: dialTimeout}, l}))
}

func (b *Bus) lost(_ *nats.Conn, err error) {
	if b.closing.Err() == nil {
		b.log.Warn("the connection to NATS is lost; trying again until it is back", "server", b.address(), "err", err)
	}
}

func (b *Bus) found(*nats.Conn) { b.log.Info("the connection to NATS is back", "server", b.address()) }

func (b *Bus) asyncError(_ *nats.Conn, sub *nats.Subscription, err error) {
	subject := ""
	if sub != nil {
		subject = sub.Subject
	}
	b.log.Warn("nats", "subject", subject, "err", err)
}

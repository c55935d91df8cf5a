package bus

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/slipway-run/slipway"
)

// Config is how a process takes part in the bus. The zero value of a field is its
// default.
type Config struct {
	URL      string  // of NATS servers, separated by commas: nats://host:4222, with user:password@ or token@ when they ask; unused with Server
	Server   *Server // the embedded server, reached without a socket
	Name     string  // of this process, as NATS shows it; "slipway"
	Replicas int     // copies of JetStream's data in a cluster of NATS servers, 1 to 5; 1

	ConnectTimeout time.Duration // how long Connect tries; 30s
	KeepAlive      time.Duration // a call in which nothing is said for so long says that it lives; 1s
	PeerTimeout    time.Duration // a call whose other end is silent for so long is lost; 5 KeepAlive
	CloseTimeout   time.Duration // how long Close waits for calls that run and lines not stored; 5s
	ViaNATS        bool          // calls of what this process serves itself go over NATS, too; false
	MaxCalls       int           // calls that one subscription answers at once, more are refused; 10000

	LogAge   time.Duration // log lines older than this are forgotten; 7 days
	LogBytes int64         // of all log lines together, on disk; 1 GiB

	EventBytes int64 // of accepted events that wait to be written into the store; further ones are refused; 16 GiB
}

func (c Config) withDefaults() Config {
	c.Name = cmp.Or(c.Name, "slipway")
	c.Replicas = cmp.Or(c.Replicas, 1)
	c.ConnectTimeout = cmp.Or(c.ConnectTimeout, 30*time.Second)
	c.KeepAlive = cmp.Or(c.KeepAlive, time.Second)
	c.PeerTimeout = cmp.Or(c.PeerTimeout, 5*c.KeepAlive)
	c.CloseTimeout = cmp.Or(c.CloseTimeout, 5*time.Second)
	c.MaxCalls = cmp.Or(c.MaxCalls, 10_000)
	c.LogAge = cmp.Or(c.LogAge, 7*24*time.Hour)
	c.LogBytes = cmp.Or(c.LogBytes, 1<<30)
	c.EventBytes = cmp.Or(c.EventBytes, 16<<30)
	return c
}

// Bus is the connection of one process to all others. Its methods may be called from
// several goroutines.
type Bus struct {
	cfg Config
	log *slog.Logger

	calls *nats.Conn // calls and notices
	line  line       // below calls
	bulk  *nats.Conn // JetStream, whose large messages would make calls wait
	js    jetstream.JetStream
	blobs *Blobs

	buffers *buffers
	callers *callers
	handled *handled
	direct  direct
	reports reports

	closing context.Context // ends when Close begins to tear down
	close   context.CancelFunc
	ended   sync.WaitGroup // goroutines of the bus

	mu            sync.Mutex
	subscriptions map[*Subscription]struct{}
	writers       []*LogWriter
}

// Connect joins the bus, trying for up to cfg.ConnectTimeout. Later losses of the
// connection are mended in the background, for ever.
func Connect(ctx context.Context, cfg Config, log *slog.Logger) (*Bus, error) {
	cfg = cfg.withDefaults()
	if cfg.Server == nil && cfg.URL == "" {
		return nil, slipway.Errorf(slipway.ErrInvalid, "the bus needs the URL of a NATS server, as in nats://127.0.0.1:4222")
	}
	inbox := inboxSubject + rand.Text()
	b := &Bus{
		cfg: cfg, log: log,
		buffers: newBuffers(), callers: newCallers(inbox + ".caller."), handled: newHandled(inbox + ".handler"),
		subscriptions: map[*Subscription]struct{}{},
	}
	b.closing, b.close = context.WithCancel(context.Background())
	ctx, cancel := context.WithTimeout(ctx, cfg.ConnectTimeout)
	defer cancel()
	if err := b.open(ctx); err != nil {
		b.disconnect()
		return nil, err
	}
	b.ended.Go(b.tick)
	return b, nil
}

func (b *Bus) open(ctx context.Context) (err error) {
	if b.calls, err = b.dial(ctx, b.cfg.Name, b.wired(&b.line)...); err != nil {
		return err
	}
	if b.bulk, err = b.dial(ctx, b.cfg.Name+"-bulk"); err != nil {
		return err
	}
	if err := b.listen(b.handled.inbox, b.toHandler); err != nil {
		return err
	}
	if b.js, err = jetstream.New(b.bulk); err != nil {
		return fmt.Errorf("use JetStream: %w", err)
	}
	if err := b.retry(ctx, "make the stream of log lines", b.openLogs); err != nil {
		return err
	}
	if err := b.retry(ctx, "make the stream of blobs", b.openBlobs); err != nil {
		return err
	}
	return b.retry(ctx, "make the streams of jobs", b.openJobs)
}

func (b *Bus) listen(subject string, f nats.MsgHandler) error {
	sub, err := b.calls.Subscribe(subject, f)
	if err == nil {
		// The client's own limit would drop messages, and so fail calls, whose credits
		// bound what waits anyway.
		err = sub.SetPendingLimits(-1, -1)
	}
	return b.natsError("listen on the bus", err)
}

// publish sends one message; reply may be "".
func (b *Bus) publish(subject, reply string, data []byte) error {
	var err error
	if reply == "" {
		err = b.calls.Publish(subject, data)
	} else {
		err = b.calls.PublishRequest(subject, reply, data)
	}
	if err == nil {
		err = b.line.push()
	}
	if errors.Is(err, nats.ErrMaxPayload) {
		return b.errTooLarge(len(data))
	}
	return b.natsError("send on the bus", err)
}

func (b *Bus) errTooLarge(n int) error {
	return slipway.Errorf(slipway.ErrTooLarge, "the head of a message is %d bytes; NATS is set to take %d", n, b.calls.MaxPayload())
}

// flush returns when the server has seen all that was sent.
func (b *Bus) flush() error { return b.calls.FlushTimeout(b.cfg.PeerTimeout) }

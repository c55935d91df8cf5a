package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/batch"
	"github.com/slipway-run/slipway/gateway"
	"github.com/slipway-run/slipway/internal/bus"
	"github.com/slipway-run/slipway/packager"
	"github.com/slipway-run/slipway/store"
)

// server holds the pieces as they are started; which of them there are depends on the
// command. Each start method registers how its piece stops.
type server struct {
	options
	parts
	ctx  context.Context // ends on a signal, or when a part fails
	fail context.CancelCauseFunc
	dir  *dataDir
	id   string
	here *standing // what it may do on this machine

	store    *store.Store
	adminKey string // path of the file that holds it
	bus      *bus.Bus
	outside  *bus.Outside // of gateways: messages that are not the platform's
	images   *packager.Store

	sandboxes sandboxCounts
}

func newServer(cmd *cobra.Command, o *options) (*server, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	here, err := stand()
	if err != nil {
		return nil, err
	}
	dir, err := openDataDir(o.data)
	if err != nil {
		return nil, err
	}
	collectSeldom()
	ctx, fail := context.WithCancelCause(cmd.Context())
	s := &server{options: *o, ctx: ctx, fail: fail, dir: dir, here: here, id: cmp.Or(o.id, dir.node)}
	s.log = o.logger(cmd)
	s.add("data folder", func(context.Context) error { return dir.Close() })
	return s, nil
}

// wait returns when the server is told to stop: nil for a signal, else why a part failed.
func (s *server) wait() error {
	<-s.ctx.Done()
	if err := context.Cause(s.ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	s.log.Info("stopping", "limit", s.shutdown)
	return nil
}

// await waits for a part to be ready, or for the server to be told to stop.
func (s *server) await(ready <-chan struct{}) error {
	select {
	case <-ready:
		return nil
	case <-s.ctx.Done():
		return context.Cause(s.ctx)
	}
}

func (s *server) close() {
	s.stop(s.shutdown)
	s.fail(nil)
}

// failed ends the server because a part could not go on.
func (s *server) failed(err error) { s.fail(err) }

func (s *server) openStore(ctx context.Context) error {
	url := cmp.Or(s.options.store, "sqlite://"+s.dir.join("slipway.db"))
	db, err := store.Open(ctx, url, s.log)
	if err != nil {
		return err
	}
	s.store = db
	s.add("store", func(context.Context) error { return db.Close() })
	s.adminKey, err = ensureAdminKey(ctx, db, s.dir)
	return err
}

// startBus connects to the NATS cluster, or starts a server in this process.
func (s *server) startBus(ctx context.Context) error {
	cfg := bus.Config{URL: s.nats, Name: "slipway-" + s.id, Replicas: s.replicas}
	if s.nats == "" {
		embedded, err := bus.NewServer(bus.ServerConfig{Dir: s.dir.join("nats"), Listen: s.natsListen, Token: s.natsToken, Guests: true}, s.log)
		if err != nil {
			return err
		}
		if err := embedded.Start(ctx); err != nil {
			return err
		}
		s.add("nats", func(context.Context) error { embedded.Shutdown(); return nil })
		cfg.Server = embedded
	}
	b, err := bus.Connect(ctx, cfg, s.log)
	if err != nil {
		return err
	}
	s.bus = b
	s.add("bus", func(context.Context) error { b.Close(); return nil })
	if s.store == nil {
		return nil
	}
	return s.connectOutside(ctx, cfg.Server)
}

// openImages opens the local store of uploads, images and layers. In a cluster what is
// missing comes from the bus's object store, and what is built here goes there.
func (s *server) openImages() error {
	cfg := packager.StoreConfig{Dir: s.dir.join("images"), Owners: s.here.owners()}
	if s.nats != "" {
		cfg.Upstream = s.bus.Blobs()
	}
	images, err := packager.NewStore(cfg, s.log)
	s.images = images
	return err
}

// startGateway begins to serve HTTP and gives the address it listens on.
func (s *server) startGateway(context.Context) (net.Addr, error) {
	var uploads gateway.Blobs = s.images
	if s.images == nil {
		uploads = s.bus.Blobs()
	}
	g, err := gateway.New(gateway.Config{
		ID:             s.id,
		Build:          release,
		Domain:         s.domain,
		AuthOff:        s.auth == "off",
		SpoolDir:       s.dir.join("spool"),
		MaxUploadBytes: s.maxUploadMB << 20,
		Refresh:        s.refresh,
		OpenMetrics:    s.metrics == "open" || s.auth == "off",
	}, s.store, uploads, s.bus, s.log)
	if err != nil {
		return nil, err
	}
	jobs := batch.New(batch.Config{ID: s.id}, s.store, s.bus, s.log)
	g.UseBatch(jobs)
	engine, err := s.newAsync(g, jobs)
	if err != nil {
		return nil, err
	}
	g.UseAsync(engine)
	triggers := s.newTriggers(engine, jobs)
	g.UseTriggers(triggers)
	s.measure(g.Metrics(), triggers, engine, jobs)
	listener, err := net.Listen("tcp", s.listen)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w; name another address with --listen", s.listen, err)
	}
	s.run("gateway", g.Run, s.failed)
	if err := s.await(g.Ready()); err != nil {
		return nil, err
	}
	s.run("jobs", jobs.Run, s.failed)
	s.run("asynchronous events", engine.Run, s.failed) // when the routes are known; it stops before them
	s.run("triggers", triggers.Run, s.failed)          // they hand events over to what runs before them
	web := g.Server()
	s.add("http", web.Shutdown)
	go func() {
		if err := web.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.failed(err)
		}
	}()
	return listener.Addr(), nil
}

// needs refuses a part of a cluster that was not told where the rest is.
func (o *options) needs(nameThenValue ...string) error {
	for i := 0; i < len(nameThenValue); i += 2 {
		if nameThenValue[i+1] == "" {
			return usageError{slipway.Errorf(slipway.ErrInvalid, "--%s is needed here; 'slipway serve' runs everything in one process without it", nameThenValue[i])}
		}
	}
	return nil
}

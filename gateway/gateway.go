package gateway

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/gateway/front"
	"github.com/slipway-run/slipway/gateway/metrics"
	"github.com/slipway-run/slipway/internal/bus"
)

// Config is what a gateway can be told. The zero value of a field is its default.
type Config struct {
	ID             string        // names this gateway, the same after a restart: it owns the builds it began; "gateway"
	Build          string        // version of the binary, shown in the status
	Domain         string        // functions answer at <function>.<Domain>; "localhost"
	AuthOff        bool          // every call may do everything in the default tenant
	SpoolDir       string        // uploads stay here until they are complete; the system's temporary folder
	MaxUploadBytes int64         // bytes of an upload; 1 GiB
	MaxEventBytes  int64         // bytes of the body of an invocation through the API; 6 MiB
	BuildTimeout   time.Duration // of a whole build; 15m
	Refresh        time.Duration // how often all routes are read again, in case a notice of change was lost; 30s
	HookTime       time.Duration // in which the body of a request to a webhook must have come; 1m
	OpenMetrics    bool          // everybody who can connect may read /metrics; false
}

func (c Config) withDefaults() Config {
	if c.ID == "" {
		c.ID = "gateway"
	}
	if c.Domain == "" {
		c.Domain = "localhost"
	}
	if c.SpoolDir == "" {
		c.SpoolDir = os.TempDir()
	}
	if c.MaxUploadBytes == 0 {
		c.MaxUploadBytes = 1 << 30
	}
	if c.MaxEventBytes == 0 {
		c.MaxEventBytes = 6 << 20
	}
	if c.Refresh <= 0 {
		c.Refresh = 30 * time.Second
	}
	if c.HookTime == 0 {
		c.HookTime = time.Minute
	}
	if c.BuildTimeout == 0 {
		c.BuildTimeout = 15 * time.Minute
	}
	return c
}

// Gateway is an http.Handler for the API and for the events of functions.
type Gateway struct {
	cfg       Config
	store     Store
	batch     Batch // nil: jobs are not taken
	bus       *bus.Bus
	log       *slog.Logger
	routes    *routeTable
	invokers  *invokers
	keys      *keyring
	publisher *publisher
	keeper    *keeper
	limits    *limits
	metrics   *metrics.Set
	unmetered metrics.Meter
	releases  *releases
	sharing   *sharing
	uploads   *uploads
	triggers  Triggers // nil: there are none
	hooks     *hookSeats
	async     Async // nil: asynchronous events are refused
	api       *echo.Echo
	calls     []apiCall
	started   time.Time

	life context.Context // ends when Run returns; upgraded connections live no longer
	end  context.CancelFunc

	following  context.Context // of streams that have no end of their own; it ends before life
	endFollows context.CancelFunc
}

// New makes a gateway. It serves once Run has begun.
func New(cfg Config, store Store, blobs Blobs, b *bus.Bus, log *slog.Logger) (*Gateway, error) {
	cfg = cfg.withDefaults()
	if err := os.MkdirAll(cfg.SpoolDir, 0o700); err != nil {
		return nil, slipway.Errorf(slipway.ErrInternal, "make the folder for uploads: %w", err)
	}
	news, moves := newBell(), newBell()
	limits, meters := newLimits(), metrics.New(cfg.Build)
	life, end := context.WithCancel(context.Background())
	following, endFollows := context.WithCancel(life)
	g := &Gateway{
		cfg: cfg, store: store, bus: b, log: log, started: time.Now().UTC(),
		limits:   limits,
		metrics:  meters,
		routes:   newRouteTable(store, limits, meters, log, news, moves),
		invokers: newInvokers(),
		keys:     newKeyring(store),
		uploads:  &uploads{dir: cfg.SpoolDir, limit: cfg.MaxUploadBytes, blobs: blobs, log: log, held: map[string]int{}},
		hooks:    newHookSeats(),
		life:     life, end: end, following: following, endFollows: endFollows,
	}
	g.publisher = newPublisher(life, g)
	g.invokers.joined = news
	g.keeper = newKeeper(g.routes, g.invokers, b, log, news)
	others := newPeers(cfg.ID)
	g.releases = &releases{routes: g.routes, invokers: g.invokers, store: store, peers: others, bus: b, log: log, news: moves, changed: g.changed}
	g.sharing = &sharing{self: cfg.ID, peers: others, limits: limits, releases: g.releases, bus: b, log: log}
	meters.Add(g.platformMetrics)
	g.calls = g.table()
	g.api = g.newAPI()
	return g, nil
}

// Handler serves everything: the API and the events.
func (g *Gateway) Handler() http.Handler { return g }

// Run keeps what the gateway knows fresh, answers the invokers' questions, and returns
// when ctx ends: after the builds it runs were failed and its streams were closed. Shut
// the HTTP server down before, so that requests in flight can finish.
func (g *Gateway) Run(ctx context.Context) error {
	defer g.publisher.wait()
	defer g.end()
	if n, err := g.store.FailBuilds(ctx, g.cfg.ID, "the gateway stopped while the build ran; deploy again"); err != nil {
		return err
	} else if n > 0 {
		g.log.Info("builds of before the restart were failed", "builds", n)
	}
	stopWatching, err := g.bus.WatchInvokers(g.invokers.update)
	if err != nil {
		return err
	}
	defer stopWatching()
	answers, err := g.answerSpecs()
	if err != nil {
		return err
	}
	defer drain(answers, g.log)
	var keeping sync.WaitGroup
	defer keeping.Wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	keeping.Go(func() { g.keeper.run(ctx) })
	keeping.Go(func() { g.releases.run(ctx) })
	keeping.Go(func() { g.sweepJobFiles(ctx) })
	stopSharing, err := g.sharing.begin()
	if err != nil {
		return err
	}
	defer stopSharing()
	keeping.Go(func() { g.sharing.run(ctx) })
	return g.routes.run(ctx, g.bus, g.cfg.Refresh)
}

// Ready is closed when Run knows every route: from then on events find their function.
func (g *Gateway) Ready() <-chan struct{} { return g.routes.ready }

// Server is an HTTP server for g as it should face the outside: HTTP/1.1 and HTTP/2
// without TLS (h2c), a limit on the time and size of the head, and none on the time of
// a body, which may stream for as long as its function allows.
func (g *Gateway) Server() *front.Server {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{
		Handler:   g,
		Protocols: &protocols,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams:          1000,
			MaxReceiveBufferPerStream:     256 << 10,
			MaxReceiveBufferPerConnection: 4 << 20, // what clients may have sent that no function has read
		},
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(g.log.Handler(), slog.LevelDebug),
	}
	server.RegisterOnShutdown(g.endFollows) // it would wait for them in vain
	return front.New(server, func(r *http.Request) bool {
		_, event := eventTarget(r, g.cfg.Domain)
		return event
	})
}

// maxHeaderBytes leaves room for a configuration in a header (see configHeader): 64 KiB
// of environment, escaped.
const maxHeaderBytes = 256 << 10

// drain lets a subscription finish what it has taken.
func drain(s *bus.Subscription, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := s.Drain(ctx); err != nil {
		log.Warn("draining a subscription", "err", err)
	}
}

package trigger_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/bus"
	"github.com/slipway-run/slipway/internal/testenv"
	"github.com/slipway-run/slipway/store"
	"github.com/slipway-run/slipway/trigger"
)

const patience = 20 * time.Second

// world is a real store and a real bus, and somebody who takes events.
type world struct {
	t       *testing.T
	url     string // of the store
	store   *store.Store
	bus     *bus.Bus
	outside *bus.Outside
	server  *bus.Server
	taker   *taker
	clock   *wallClock
}

func newWorld(t *testing.T, url string) *world {
	t.Helper()
	w := &world{t: t, url: url, taker: &taker{events: map[string]slipway.Event{}}, clock: &wallClock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}}
	log := slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	var err error
	w.store, err = store.Open(t.Context(), url, log)
	must(t, err)
	t.Cleanup(func() { w.store.Close() })
	w.server, err = bus.NewServer(bus.ServerConfig{Dir: t.TempDir(), Listen: "127.0.0.1:0", Guests: true}, log)
	must(t, err)
	must(t, w.server.Start(t.Context()))
	t.Cleanup(w.server.Shutdown)
	w.bus, err = bus.Connect(t.Context(), bus.Config{Server: w.server}, log)
	must(t, err)
	t.Cleanup(w.bus.Close)
	w.outside, err = bus.ConnectOutside(t.Context(), bus.OutsideConfig{Server: w.server}, log)
	must(t, err)
	t.Cleanup(w.outside.Close)
	return w
}

func sqlite(t *testing.T) string { return "sqlite://" + filepath.Join(t.TempDir(), "slipway.db") }

// engine is the engine of a gateway; it runs when run is called, until stop.
type engine struct {
	*trigger.Engine
	stop func()
}

func (w *world) engine(owner string, run bool) *engine {
	w.t.Helper()
	log := slog.New(slog.NewTextHandler(testWriter{w.t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	e := &engine{Engine: trigger.New(trigger.Config{Owner: owner, Refresh: time.Second, Now: w.clock.Now}, w.store, w.taker, w.taker, w.bus, w.outside, log), stop: func() {}}
	if run {
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- e.Run(ctx) }()
		e.stop = sync.OnceFunc(func() {
			cancel()
			if err := <-ended; err != nil {
				w.t.Errorf("run: %v", err)
			}
		})
		w.t.Cleanup(e.stop)
	}
	return e
}

// wallClock is a clock that is set by the test.
type wallClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *wallClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *wallClock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// taker takes events and jobs once by their id, as async and batch do. It refuses while
// there is an error.
type taker struct {
	mu     sync.Mutex
	err    error
	events map[string]slipway.Event
	order  []string
	offers int
	jobs   []slipway.JobRequest
}

func (a *taker) Accept(_ context.Context, e slipway.Event) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.offers++
	if a.err != nil {
		return a.err
	}
	if _, known := a.events[e.ID]; !known {
		a.order = append(a.order, e.ID)
		a.events[e.ID] = e
	}
	return nil
}

func (a *taker) Submit(_ context.Context, tenant string, jobs []slipway.JobRequest) ([]slipway.Job, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.jobs = append(a.jobs, jobs...)
	return []slipway.Job{{ID: "job-" + jobs[0].IdempotencyKey, Tenant: tenant}}, nil
}

func (a *taker) refuse(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.err = err
}

// taken are the events in the order in which they came.
func (a *taker) taken() []slipway.Event {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := make([]slipway.Event, len(a.order))
	for i, id := range a.order {
		all[i] = a.events[id]
	}
	return all
}

// wantEvents waits until n events were taken, and gives them.
func (w *world) wantEvents(n int) []slipway.Event {
	w.t.Helper()
	testenv.Eventually(w.t, patience, func() error {
		if got := len(w.taker.taken()); got < n {
			return fmt.Errorf("%d events were taken, want %d", got, n)
		}
		return nil
	})
	all := w.taker.taken()
	if len(all) != n {
		w.t.Fatalf("%d events were taken, want %d: %+v", len(all), n, all)
	}
	return all
}

func (w *world) status(name string) slipway.TriggerStatus {
	w.t.Helper()
	t, err := w.store.Trigger(w.t.Context(), ref(name))
	must(w.t, err)
	return t.Status
}

func ref(name string) slipway.TriggerRef {
	return slipway.TriggerRef{Tenant: slipway.DefaultTenant, Name: name}
}

func cron(name, schedule, missed string) slipway.Trigger {
	return slipway.Trigger{Tenant: slipway.DefaultTenant, Name: name, Type: slipway.TriggerCron, Enabled: true, Function: "f",
		Cron: &slipway.CronTrigger{Schedule: schedule, Missed: missed}}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

package trigger

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/bus"
)

// Config is what an engine can be told. The zero value of a field is its default.
type Config struct {
	Owner   string           // names this process, the same after a restart; "gateway"
	Refresh time.Duration    // how often all triggers are read again, in case a notice of change was lost; 30s
	Now     func() time.Time // the clock on the wall; time.Now
}

// Store holds triggers and what they did. Its errors carry root kinds.
type Store interface {
	PutTrigger(ctx context.Context, ref slipway.TriggerRef, change func(old *slipway.Trigger) (slipway.Trigger, error)) (stored slipway.Trigger, created bool, err error)
	Trigger(ctx context.Context, ref slipway.TriggerRef) (slipway.Trigger, error)
	Triggers(ctx context.Context, tenant string, page slipway.Page) (slipway.List[slipway.Trigger], error)
	EnabledTriggers(ctx context.Context) ([]slipway.Trigger, error)
	CountTriggers(ctx context.Context, tenant string) (int, error)
	DeleteTrigger(ctx context.Context, ref slipway.TriggerRef) error
	Record
}

// Record is what triggers did, and who fires cron.
type Record interface {
	CronFired(ctx context.Context, t slipway.Trigger, until time.Time, status slipway.TriggerStatus) (done bool, err error)
	CronReset(ctx context.Context, t slipway.Trigger, until time.Time) error
	TriggersFired(ctx context.Context, did map[slipway.TriggerRef]slipway.TriggerStatus) error
	ClaimLease(ctx context.Context, name, owner string, present, until time.Time) (bool, error)
}

// Accepter takes asynchronous events. When it returns nil the event is durable. One whose
// id is known was accepted before, and that is no error.
type Accepter interface {
	Accept(ctx context.Context, e slipway.Event) error
}

// Submitter takes jobs; one with a known idempotency key was taken before, and is the
// answer again.
type Submitter interface {
	Submit(ctx context.Context, tenant string, jobs []slipway.JobRequest) ([]slipway.Job, error)
}

// Engine sets triggers off. Its methods may be called from several goroutines.
type Engine struct {
	cfg     Config
	store   Store
	events  Accepter
	jobs    Submitter    // nil: no jobs
	bus     *bus.Bus     // for notices of change
	outside *bus.Outside // whose messages triggers take; nil: none
	log     *slog.Logger

	armed  atomic.Pointer[map[slipway.TriggerRef]*armed] // those that shall fire
	change chan struct{}                                 // holds one when armed was replaced

	reading sync.Mutex // what was read later is also put in place later
	did     recorder
}

// armed is a trigger that shall fire.
type armed struct {
	slipway.Trigger
	schedule schedule // of cron
	counts   *counts
}

// New makes an engine; Run sets it going. jobs and outside may be nil.
func New(cfg Config, store Store, events Accepter, jobs Submitter, b *bus.Bus, outside *bus.Outside, log *slog.Logger) *Engine {
	cfg.Owner = cmp.Or(cfg.Owner, "gateway")
	cfg.Refresh = cmp.Or(cfg.Refresh, 30*time.Second)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	e := &Engine{cfg: cfg, store: store, events: events, jobs: jobs, bus: b, outside: outside, log: log,
		change: make(chan struct{}, 1), did: recorder{store: store, log: log, news: make(chan struct{}, 1)}}
	e.armed.Store(&map[slipway.TriggerRef]*armed{})
	return e
}

// Run fires triggers until ctx ends.
func (e *Engine) Run(ctx context.Context) error {
	notices := make(chan struct{}, 1)
	stop, err := e.bus.WatchTriggers(func(slipway.TriggerRef) { ring(notices) })
	if err != nil {
		return err
	}
	defer stop()
	if err := e.load(ctx); err != nil {
		return err
	}
	var parts sync.WaitGroup
	defer parts.Wait()
	parts.Go(func() { e.did.run(ctx) })
	parts.Go(func() { newClock(e).run(ctx) })
	listeners := newListeners(e)
	defer listeners.stop()
	tick := time.NewTicker(e.cfg.Refresh)
	defer tick.Stop()
	for {
		listeners.follow(ctx, e.all())
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-notices:
		case <-listeners.again:
			continue
		}
		if err := e.load(ctx); err != nil && ctx.Err() == nil {
			e.log.Warn("reading the triggers again; the old ones stay", "err", err)
		}
	}
}

// load reads all triggers that shall fire.
func (e *Engine) load(ctx context.Context) error {
	e.reading.Lock()
	defer e.reading.Unlock()
	all, err := e.store.EnabledTriggers(ctx)
	if err != nil {
		return err
	}
	before, now := e.all(), make(map[slipway.TriggerRef]*armed, len(all))
	for _, t := range all {
		a := &armed{Trigger: t, counts: &counts{}}
		old := before[t.Ref()]
		if old != nil {
			a.counts = old.counts
		}
		switch {
		case t.Type != slipway.TriggerCron:
		case old != nil && old.Revision == t.Revision && old.CreatedAt.Equal(t.CreatedAt):
			a.schedule = old.schedule
		default:
			if a.schedule, err = parseSchedule(*t.Cron, t.CreatedAt); err != nil { // a newer Slipway wrote it
				e.log.Warn("a schedule cannot be read; the trigger does not fire", "tenant", t.Tenant, "trigger", t.Name, "err", err)
				continue
			}
		}
		now[t.Ref()] = a
	}
	e.armed.Store(&now)
	ring(e.change)
	return nil
}

// all are the triggers that shall fire; nobody changes the map.
func (e *Engine) all() map[slipway.TriggerRef]*armed { return *e.armed.Load() }

// ring leaves a word for whoever waits on c.
func ring(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

package gateway

import (
	"context"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/gateway/metrics"
	"github.com/slipway-run/slipway/internal/bus"
)

// routeTable holds where every function's events go. Reading it takes no lock; it is
// replaced as a whole when something changes.
type routeTable struct {
	store  routeSource
	log    *slog.Logger
	limits *limits                                        // follow the table
	meters *metrics.Set                                   // follow the table
	news   []bell                                         // rung after every change
	table  atomic.Pointer[map[slipway.FunctionRef]*route] // nil until it was loaded once

	ready chan struct{} // closed when the table was loaded once
	once  sync.Once

	// reading makes sure that what was read later is also put in place later. It guards
	// what follows.
	reading sync.Mutex
	tenants []slipway.Tenant
}

// routeSource is what the table is read from.
type routeSource interface {
	Routes
	Tenants(ctx context.Context) ([]slipway.Tenant, error)
}

// route is where one function's events go.
type route struct {
	auth    string
	paused  bool
	meter   *metrics.Meter // of the function
	aliases map[string]split
	specs   map[int]*slipway.Spec
	stored  map[string]slipway.Alias // aliases, with how they came about
}

// split is what an alias stands for: one version, or two and the second one's share.
type split struct {
	main, other *slipway.Spec
	share       float64
}

func newRouteTable(store routeSource, limits *limits, meters *metrics.Set, log *slog.Logger, news ...bell) *routeTable {
	return &routeTable{store: store, log: log, limits: limits, meters: meters, news: news, ready: make(chan struct{})}
}

// loaded says whether the table can be used yet.
func (t *routeTable) loaded() bool { return t.table.Load() != nil }

// find is the route of a function that has a live version, or nil.
func (t *routeTable) find(ref slipway.FunctionRef) *route {
	table := t.table.Load()
	if table == nil {
		return nil
	}
	return (*table)[ref]
}

// live is the live version of every function of a tenant.
func (t *routeTable) live(tenant string) map[string]int {
	out := map[string]int{}
	table := t.table.Load()
	if table == nil {
		return out
	}
	for ref, r := range *table {
		if s, ok := r.aliases[slipway.LiveAlias]; ok && ref.Tenant == tenant {
			out[ref.Function] = s.main.Version
		}
	}
	return out
}

// choose is the version that an event for alias goes to, or nil.
func (r *route) choose(alias string) *slipway.Spec {
	s, ok := r.aliases[alias]
	if !ok {
		return nil
	}
	if s.other != nil && rand.Float64() < s.share {
		return s.other
	}
	return s.main
}

// all is every route by its function; nobody changes it.
func (t *routeTable) all() map[slipway.FunctionRef]*route {
	if table := t.table.Load(); table != nil {
		return *table
	}
	return nil
}

// load reads every route.
func (t *routeTable) load(ctx context.Context) error {
	t.reading.Lock()
	defer t.reading.Unlock()
	if err := t.readTenants(ctx); err != nil {
		return err
	}
	all, err := t.store.Routes(ctx, nil)
	if err != nil {
		return err
	}
	table := make(map[slipway.FunctionRef]*route, len(all))
	for _, r := range all {
		table[r.FunctionRef] = newRoute(r)
	}
	t.put(table)
	t.once.Do(func() { close(t.ready) })
	return nil
}

// readTenants reads the limits of the tenants. t.reading is held.
func (t *routeTable) readTenants(ctx context.Context) error {
	tenants, err := t.store.Tenants(ctx)
	if err == nil {
		t.tenants = tenants
	}
	return err
}

func (t *routeTable) put(table map[slipway.FunctionRef]*route) {
	t.limits.set(t.tenants, table)
	t.measure(table)
	t.table.Store(&table)
	for _, bell := range t.news {
		bell.ring()
	}
}

// measure gives every route its function's meter. Routes that are in use have it already.
func (t *routeTable) measure(table map[slipway.FunctionRef]*route) {
	meters := t.meters.Follow(slices.Collect(maps.Keys(table)))
	for ref, r := range table {
		if r.meter == nil {
			r.meter = meters[ref]
		}
	}
}

// refresh reads the route of one function, or the limits of the tenants when ref names
// none. The table is copied: changes are rare beside events.
func (t *routeTable) refresh(ctx context.Context, ref slipway.FunctionRef) error {
	t.reading.Lock()
	defer t.reading.Unlock()
	if ref.Function == "" {
		if err := t.readTenants(ctx); err != nil {
			return err
		}
	}
	found, err := t.store.Routes(ctx, &ref)
	if err != nil {
		return err
	}
	table := map[slipway.FunctionRef]*route{}
	if old := t.table.Load(); old != nil {
		table = maps.Clone(*old)
	}
	delete(table, ref)
	for _, r := range found {
		table[r.FunctionRef] = newRoute(r)
	}
	t.put(table)
	return nil
}

func newRoute(r slipway.Route) *route {
	out := &route{auth: r.Auth, paused: r.Paused, aliases: make(map[string]split, len(r.Aliases)), specs: make(map[int]*slipway.Spec, len(r.Specs)), stored: r.Aliases}
	for number, spec := range r.Specs {
		out.specs[number] = &spec
	}
	for name, alias := range r.Aliases {
		s := split{main: out.specs[alias.Version]}
		for number, share := range alias.Weights {
			s.other, s.share = out.specs[number], share
		}
		if s.main != nil {
			out.aliases[name] = s
		}
	}
	return out
}

// run loads the table and keeps it fresh until ctx ends. Every so often all of it is read
// again, in case a notice was lost.
func (t *routeTable) run(ctx context.Context, b *bus.Bus, every time.Duration) error {
	changes := newChangeQueue()
	stop, err := b.WatchChanges(changes.add)
	if err != nil {
		return err
	}
	defer stop()
	if err := t.load(ctx); err != nil {
		return err
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := t.load(ctx); err != nil && ctx.Err() == nil {
				t.log.Warn("reading the routes again; the old ones stay", "err", err)
			}
		case <-changes.ready:
			for _, ref := range changes.take() {
				if err := t.refresh(ctx, ref); err != nil && ctx.Err() == nil {
					t.log.Warn("reading a changed route; the old one stays", "tenant", ref.Tenant, "function", ref.Function, "err", err)
				}
			}
		}
	}
}

// changeQueue holds the functions that changed and were not read yet, each once.
type changeQueue struct {
	ready chan struct{}

	mu      sync.Mutex
	pending map[slipway.FunctionRef]struct{}
}

func newChangeQueue() *changeQueue {
	return &changeQueue{ready: make(chan struct{}, 1), pending: map[slipway.FunctionRef]struct{}{}}
}

func (q *changeQueue) add(ref slipway.FunctionRef) {
	q.mu.Lock()
	q.pending[ref] = struct{}{}
	q.mu.Unlock()
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

func (q *changeQueue) take() []slipway.FunctionRef {
	q.mu.Lock()
	defer q.mu.Unlock()
	refs := make([]slipway.FunctionRef, 0, len(q.pending))
	for ref := range q.pending {
		refs = append(refs, ref)
	}
	clear(q.pending)
	return refs
}

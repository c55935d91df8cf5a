package gateway

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/slipway-run/slipway"
)

// limits holds the tenants to their max_concurrency: events in flight, from when an
// event has been taken until its answer has ended. What functions have reserved is set
// aside for them; the rest is open to all functions of the tenant, these too when what
// they have reserved is in use.
//
// An event of a tenant without a limit costs one look at a map. One with a limit costs
// one compare-and-swap at each end, and no lock. A gateway counts its own events
// exactly, and adds what the others said last.
type limits struct {
	tenants atomic.Pointer[map[string]*tenantLimit] // those with a limit, by name
	news    bell                                    // rung when what is in flight has changed and others want to know
	shared  atomic.Bool                             // there are others

	mu sync.Mutex // held by set
}

// tenantLimit is the seats of one tenant.
type tenantLimit struct {
	name      string
	max       atomic.Int64
	open      seats
	functions atomic.Pointer[map[string]*seats] // those that have some reserved
}

// seats is a number of events that may be in flight.
type seats struct {
	size      atomic.Int64
	used      atomic.Int64
	elsewhere atomic.Int64 // used at other gateways, as they said last
}

// take takes a seat if there is one.
func (s *seats) take() bool {
	for {
		used := s.used.Load()
		if used+s.elsewhere.Load() >= s.size.Load() {
			return false
		}
		if s.used.CompareAndSwap(used, used+1) {
			return true
		}
	}
}

// seat is the right to be in flight; the zero value is one that nobody counts.
type seat struct {
	of     *seats
	limits *limits
}

// leave gives the seat back, once.
func (s seat) leave() {
	if s.of != nil {
		s.of.used.Add(-1)
		s.limits.moved()
	}
}

func newLimits() *limits {
	l := &limits{news: newBell()}
	l.tenants.Store(&map[string]*tenantLimit{})
	return l
}

// moved has the others hear that what is in flight has changed.
func (l *limits) moved() {
	if l.shared.Load() {
		l.news.ring()
	}
}

// admit gives an event of f a seat, or says with ErrLimit that there is none.
func (l *limits) admit(f slipway.FunctionRef) (seat, error) {
	t := (*l.tenants.Load())[f.Tenant]
	if t == nil {
		return seat{}, nil
	}
	if own := (*t.functions.Load())[f.Function]; own != nil && own.take() {
		l.moved()
		return seat{own, l}, nil
	}
	if t.open.take() {
		l.moved()
		return seat{&t.open, l}, nil
	}
	return seat{}, t.full(f)
}

// limitRetry is when an event that found no seat may try again.
const limitRetry = time.Second

func (t *tenantLimit) full(f slipway.FunctionRef) error {
	most, open := t.max.Load(), t.open.size.Load()
	err := slipway.Errorf(slipway.ErrLimit, "tenant's concurrency: tenant %q may have %d events in flight (%d of them set aside for functions with scaling.reserved), and function %q finds none free; try again, send less at once, or raise max_concurrency with 'slipway tenants set %s'",
		t.name, most, most-open, f.Function, t.name)
	err.RetryAfter = limitRetry
	return err
}

// set is called with all tenants and routes when any of them has changed. What is in
// flight stays counted where there still is a limit, or a reservation, that counted it.
func (l *limits) set(tenants []slipway.Tenant, routes map[slipway.FunctionRef]*route) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before, now := *l.tenants.Load(), map[string]*tenantLimit{}
	for _, tenant := range tenants {
		if tenant.MaxConcurrency == 0 {
			continue
		}
		t := before[tenant.Name]
		if t == nil {
			t = &tenantLimit{name: tenant.Name}
			t.functions.Store(&map[string]*seats{})
		}
		t.set(tenant.MaxConcurrency, reservedBy(routes, tenant.Name))
		now[tenant.Name] = t
	}
	l.tenants.Store(&now)
}

func (t *tenantLimit) set(most int, reserved map[string]int) {
	before, now, left := *t.functions.Load(), map[string]*seats{}, int64(most)
	for function, n := range reserved {
		s := before[function]
		if s == nil {
			s = &seats{}
		}
		s.size.Store(int64(n))
		now[function] = s
		left -= int64(n)
	}
	t.max.Store(int64(most))
	t.open.size.Store(max(0, left))
	t.functions.Store(&now)
}

// reservedBy is what the functions of a tenant have reserved.
func reservedBy(routes map[slipway.FunctionRef]*route, tenant string) map[string]int {
	reserved := map[string]int{}
	for ref, r := range routes {
		if s, ok := r.aliases[slipway.LiveAlias]; ok && ref.Tenant == tenant && s.main.Config.Scaling.Reserved > 0 {
			reserved[ref.Function] = s.main.Config.Scaling.Reserved
		}
	}
	return reserved
}

// heard takes what the other gateways have in flight.
func (l *limits) heard(others []slipway.GatewayState) {
	l.shared.Store(len(others) > 0)
	for name, t := range *l.tenants.Load() {
		open, reserved := 0, map[string]int{}
		for _, other := range others {
			for _, load := range other.Load {
				if load.Tenant != name {
					continue
				}
				open += load.Open
				for function, n := range load.Reserved {
					reserved[function] += n
				}
			}
		}
		t.open.elsewhere.Store(int64(open))
		for function, s := range *t.functions.Load() {
			s.elsewhere.Store(int64(reserved[function]))
		}
	}
}

// load is what is in flight here, for the others.
func (l *limits) load() []slipway.TenantLoad {
	var all []slipway.TenantLoad
	for name, t := range *l.tenants.Load() {
		load := slipway.TenantLoad{Tenant: name, Open: int(t.open.used.Load()), Reserved: map[string]int{}}
		for function, s := range *t.functions.Load() {
			if n := s.used.Load(); n > 0 {
				load.Reserved[function] = int(n)
			}
		}
		all = append(all, load)
	}
	return all
}

package ledger

import (
	"time"

	"github.com/slipway-run/slipway"
)

// Ledger is the state of a pool and its decisions.
type Ledger struct {
	cfg Config

	versions  map[slipway.VersionRef]*version
	functions map[slipway.FunctionRef]*function
	tenants   map[string]*account
	due       agenda
	blocked   map[*version]time.Time // those that want a start and lack room, or a token; since when
	freedAt   time.Time              // when a member was gone last
	bucket    bucket

	promised  int     // MiB, to every member until it is gone, and lent
	closing   int     // MiB of promised that closing members will give back
	yielding  int     // MiB of promised of busy members that are to close for others
	recalling int     // MiB of promised that jobs were asked to give back
	fixed     int     // MiB of promised in loans that cannot be recalled
	given     int     // MiB not promised that reclaimed members need when they thaw
	working   int64   // thousandths of a vCPU that members at work may use
	members   int     // all that are not gone
	numbers   int64   // of members and loans, ever
	pressure  float64 // share of the last seconds in which something waited for memory
	loans     map[*Loan]struct{}

	draining bool
	orders   Orders
	scratch  candidates // kept for its room
}

// Orders is what must be done. Each order is given once; the driver reports its end.
type Orders struct {
	Start   []*Member
	Freeze  []*Member
	Reclaim []*Member
	Thaw    []*Member
	Close   []*Member
	Short   []Shortage // to be said
}

// Len is how many things are to be done, what is only said aside.
func (o Orders) Len() int {
	return len(o.Start) + len(o.Freeze) + len(o.Reclaim) + len(o.Thaw) + len(o.Close)
}

// Shortage is members that should be kept ready and cannot be.
type Shortage struct {
	Spec    slipway.Spec
	Missing int
	Err     error
}

// New makes an empty ledger.
func New(cfg Config) *Ledger {
	cfg = cfg.withDefaults()
	return &Ledger{
		cfg:       cfg,
		versions:  make(map[slipway.VersionRef]*version),
		functions: make(map[slipway.FunctionRef]*function),
		tenants:   make(map[string]*account),
		blocked:   make(map[*version]time.Time),
		loans:     make(map[*Loan]struct{}),
		bucket:    newBucket(cfg.StartRate, cfg.StartBurst),
	}
}

// Orders hands over what must be done since it was last asked.
func (l *Ledger) Orders() Orders {
	orders := l.orders
	l.orders = Orders{}
	return orders
}

// Drained says that a draining ledger has no member left.
func (l *Ledger) Drained() bool { return l.draining && l.members == 0 }

// FreeMemoryMB is what is neither promised to members nor lent, in MiB.
func (l *Ledger) FreeMemoryMB() int { return l.cfg.MemoryMB - l.promised }

// version is the entry of spec's version, brought up to date.
func (l *Ledger) version(spec *slipway.Spec, limit int, now time.Time) *version {
	v := l.versions[spec.VersionRef]
	switch {
	case v == nil:
		v = newVersion(l.function(spec, now))
		l.versions[spec.VersionRef] = v
	case !v.runsAs(spec):
		l.retire(v)
		v.failures, v.retryAt = 0, time.Time{}
	}
	v.update(spec, limit)
	return v
}

// promise counts memory that m holds, or holds no more when it is negative.
func (l *Ledger) promise(m *Member, mib int) {
	m.memoryMB += mib
	l.promised += mib
	m.version.function.memoryMB += mib
	m.version.function.tenant.memoryMB += mib
}

// forget ends a member.
func (l *Ledger) forget(m *Member) {
	delete(m.version.members, m)
	l.promise(m, -m.memoryMB)
	l.members--
	l.tidy(m.version)
}

// tidy forgets a version of which nothing is left to know.
func (l *Ledger) tidy(v *version) {
	if len(v.members) > 0 || v.waiting.len() > 0 || v.failures > 0 || v.keep > 0 || !v.wakeAt.IsZero() {
		return
	}
	delete(l.blocked, v)
	l.due.remove(v)
	if l.versions[v.spec.VersionRef] == v {
		delete(l.versions, v.spec.VersionRef)
		v.function.versions--
		v.function.run, v.function.cold = v.run, v.cold
	}
}

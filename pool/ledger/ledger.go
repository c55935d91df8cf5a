package ledger

import (
	"time"

	"github.com/slipway-run/slipway"
)

// Config bounds a ledger. The zero value of a field means the default.
type Config struct {
	// MemoryMB is what may be promised to members, in MiB; 0 is no bound.
	MemoryMB int
	// MaxWaiting is how many may wait for one version; 1000.
	MaxWaiting int
}

const defaultMaxWaiting = 1000

// Ledger is the state of a pool and its decisions.
type Ledger struct {
	cfg Config

	versions map[slipway.VersionRef]*version
	hungry   map[*version]struct{} // those with waiters
	promised int                   // MiB, to every member until it is gone
	closing  int                   // MiB of promised that closing members will give back
	members  int                   // all that are not gone
	numbers  int64                 // of members, ever

	draining bool
	orders   Orders
}

// Orders is what must be done. Each order is given once; the driver reports its end.
type Orders struct {
	Start []*Member
	Close []*Member
	Short []Shortage // to be said
}

// Shortage is members that should be kept ready and cannot be.
type Shortage struct {
	Spec    slipway.Spec
	Missing int
	Err     error
}

// New makes an empty ledger.
func New(cfg Config) *Ledger {
	if cfg.MaxWaiting <= 0 {
		cfg.MaxWaiting = defaultMaxWaiting
	}
	return &Ledger{
		cfg:      cfg,
		versions: make(map[slipway.VersionRef]*version),
		hungry:   make(map[*version]struct{}),
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

// FreeMemoryMB is what is not promised to members, in MiB.
func (l *Ledger) FreeMemoryMB() int { return l.cfg.MemoryMB - l.promised }

// version is the entry of spec's version, brought up to date.
func (l *Ledger) version(spec *slipway.Spec, limit int) *version {
	v := l.versions[spec.VersionRef]
	switch {
	case v == nil:
		v = &version{members: make(map[*Member]struct{})}
		l.versions[spec.VersionRef] = v
	case !v.runsAs(spec):
		l.retire(v)
		v.failures, v.retryAt = 0, time.Time{}
	}
	v.update(spec, limit)
	return v
}

// forget ends a member.
func (l *Ledger) forget(m *Member) {
	delete(m.version.members, m)
	l.promised -= m.memoryMB
	l.members--
	l.tidy(m.version)
}

// fed takes v off the list of the hungry when nobody waits any more.
func (l *Ledger) fed(v *version) {
	if v.waiting.len() == 0 {
		delete(l.hungry, v)
		l.tidy(v)
	}
}

// tidy forgets a version of which nothing is left to know.
func (l *Ledger) tidy(v *version) {
	if len(v.members) == 0 && v.waiting.len() == 0 && v.failures == 0 && v.keep == 0 && l.versions[v.spec.VersionRef] == v {
		delete(l.versions, v.spec.VersionRef)
	}
}

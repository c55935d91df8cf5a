package pool

import (
	"cmp"
	"slices"

	"github.com/slipway-run/slipway"
)

// Changed gets a value after something changed; changes that come while nobody
// receives are one.
func (p *Pool) Changed() <-chan struct{} { return p.changed }

// FreeMemoryMB is what is not promised to instances, in MiB; 0 when the pool was
// given no bound.
func (p *Pool) FreeMemoryMB() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(0, p.ledger.free())
}

// Counts says for each version that has instances or waiters how many.
func (p *Pool) Counts() []slipway.VersionCount {
	p.mu.Lock()
	defer p.mu.Unlock()
	counts := make([]slipway.VersionCount, 0, len(p.ledger.versions))
	for ref, v := range p.ledger.versions {
		if n := v.starting + v.ready; n > 0 || v.waiting.len() > 0 {
			counts = append(counts, slipway.VersionCount{VersionRef: ref, Instances: n, Free: v.free, Waiting: v.waiting.len()})
		}
	}
	return counts
}

// Instances lists the instances of a function, or of all when ref is nil, the oldest
// first; those that start come last and have no ID yet.
func (p *Pool) Instances(ref *slipway.FunctionRef) []slipway.InstanceInfo {
	p.mu.Lock()
	defer p.mu.Unlock()
	var infos []slipway.InstanceInfo
	for _, v := range p.ledger.versions {
		if ref != nil && v.function() != *ref {
			continue
		}
		for m := range v.members {
			infos = append(infos, m.info())
		}
	}
	slices.SortFunc(infos, func(a, b slipway.InstanceInfo) int {
		if a.StartedAt.IsZero() != b.StartedAt.IsZero() {
			return b.StartedAt.Compare(a.StartedAt) // zero is not old: it has not started
		}
		return cmp.Or(a.StartedAt.Compare(b.StartedAt), cmp.Compare(a.ID, b.ID))
	})
	return infos
}

func (m *member) info() slipway.InstanceInfo {
	info := slipway.InstanceInfo{
		VersionRef: m.spec.VersionRef, State: slipway.InstanceStarting,
		InFlight: m.inFlight, Served: m.served, StartedAt: m.startedAt,
	}
	if m.instance != nil {
		info.ID = m.instance.ID()
	}
	switch {
	case m.state == closing || m.state == ready && m.retired:
		info.State = slipway.InstanceStopping
	case m.state == ready && m.inFlight > 0:
		info.State = slipway.InstanceBusy
	case m.state == ready:
		info.State = slipway.InstanceIdle
		since := m.idleSince
		info.IdleSince = &since
	}
	return info
}

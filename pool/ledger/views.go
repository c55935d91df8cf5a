package ledger

import (
	"cmp"
	"slices"

	"github.com/slipway-run/slipway"
)

// Demand is how many vCPUs the members that start or have events may use, by their
// configuration.
func (l *Ledger) Demand() float64 { return float64(l.working) / 1000 }

// Counts says for each version that has members or waiters how many, and which do not
// start.
func (l *Ledger) Counts() []slipway.VersionCount {
	counts := make([]slipway.VersionCount, 0, len(l.versions))
	for ref, v := range l.versions {
		failures, failure := v.faults()
		if n := v.starting + v.ready; n > 0 || v.waiting.len() > 0 || failures > 0 {
			counts = append(counts, slipway.VersionCount{VersionRef: ref, Instances: n, Free: v.free,
				Frozen: (v.stacks[frozen].n + v.stacks[reclaimed].n) * v.slots(), Waiting: v.waiting.len(),
				Starting: v.starting, Asleep: v.stacks[frozen].n + v.stacks[reclaimed].n, Reclaimed: v.stacks[reclaimed].n,
				Failures: failures, Failure: failure})
		}
	}
	return counts
}

// faults is how many starts in a row went wrong, and why the last did. What the platform
// could not do is no fault of the version.
func (v *version) faults() (int, string) {
	if v.failures == 0 || slipway.Code(v.failure) == "internal" {
		return 0, ""
	}
	return v.failures, v.failure.Error()
}

// Members lists the members of a function, or of all when ref is nil, the oldest first;
// those that start come last.
func (l *Ledger) Members(ref *slipway.FunctionRef) []*Member {
	var all []*Member
	for _, v := range l.versions {
		if ref != nil && v.ref() != *ref {
			continue
		}
		for m := range v.members {
			all = append(all, m)
		}
	}
	slices.SortFunc(all, func(a, b *Member) int {
		if a.startedAt.IsZero() != b.startedAt.IsZero() {
			return b.startedAt.Compare(a.startedAt) // zero is not old: it has not started
		}
		return cmp.Or(a.startedAt.Compare(b.startedAt), cmp.Compare(a.number, b.number))
	})
	return all
}

// Info is what can be seen of m from outside, its instance's name and place aside.
func (m *Member) Info() slipway.InstanceInfo {
	info := slipway.InstanceInfo{
		VersionRef: m.spec.VersionRef, State: slipway.InstanceStarting,
		InFlight: m.inFlight, Served: m.served, StartedAt: m.startedAt,
	}
	switch {
	case m.state == closing || m.state == ready && m.retired:
		info.State = slipway.InstanceStopping
	case m.state == ready && m.inFlight > 0:
		info.State = slipway.InstanceBusy
	case m.state == ready:
		info.State = slipway.InstanceIdle
		switch m.ice {
		case frozen:
			info.State = slipway.InstanceFrozen
		case reclaimed:
			info.State = slipway.InstanceReclaimed
		}
		since := m.idleSince
		info.IdleSince = &since
	}
	return info
}

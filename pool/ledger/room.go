package ledger

import (
	"cmp"
	"time"
)

// makeRoom says whether v may have so much memory now, in MiB. If not, and it is v's
// turn, it closes what is idle in other versions and least worth keeping, and recalls
// loans when that is not enough; errBlocked says that room comes when that is done, or
// when others are.
func (l *Ledger) makeRoom(v *version, need int, now time.Time) error {
	switch {
	case l.cfg.MemoryMB > 0 && need > l.cfg.MemoryMB:
		return errTooBig(v, l.cfg.MemoryMB)
	case l.preceded(v, now):
		return errBlocked
	case l.cfg.MemoryMB == 0 || l.FreeMemoryMB() >= need:
		return nil
	case l.pending() >= need:
		return errBlocked
	}
	switch {
	case l.gather(v, need-l.pending(), now), l.attainable(v, need+l.fixed):
		return errBlocked
	case l.fixed > 0 && l.attainable(v, need):
		return lentError{l.fixed}
	}
	return errNoRoom(v, l.FreeMemoryMB())
}

// pending is what is free or will be soon, in MiB.
func (l *Ledger) pending() int { return l.FreeMemoryMB() + l.closing + l.yielding + l.recalling }

// gather sees to it that so much memory comes free: it closes idle members of versions
// other than v, those least worth keeping first, and recalls what is lent to jobs for the
// rest. When that is less in all, it does nothing, and says so.
func (l *Ledger) gather(v *version, need int, now time.Time) bool {
	spare := l.candidates(v, now)
	if spare.memory()+l.recallable() < need {
		return false
	}
	for need > 0 && len(spare) > 0 {
		m := spare.takeLeast()
		need -= m.memoryMB
		l.close(m)
	}
	l.recall(need)
	return true
}

// candidates are idle members that may go, and what each is worth.
type candidates []candidate

type candidate struct {
	m     *Member
	value float64
}

// candidates lists the idle members of versions other than than that may go.
func (l *Ledger) candidates(than *version, now time.Time) candidates {
	all := l.scratch[:0]
	for _, v := range l.versions {
		if v == than || v.waiting.len() > 0 || v.free == 0 {
			continue
		}
		for m := range v.spare() {
			all = append(all, candidate{m, v.value(m, now)})
		}
	}
	l.scratch = all[:0]
	return all
}

// memory is what they hold, in MiB.
func (c candidates) memory() (sum int) {
	for _, one := range c {
		sum += one.m.memoryMB
	}
	return sum
}

// takeLeast takes the member out that is least worth keeping.
func (c *candidates) takeLeast() *Member {
	all, least := *c, 0
	for i := range all {
		if all[i].before(all[least]) {
			least = i
		}
	}
	m := all[least].m
	all[least] = all[len(all)-1]
	*c = all[:len(all)-1]
	return m
}

func (c candidate) before(o candidate) bool {
	if c.value != o.value {
		return c.value < o.value
	}
	return cmp.Or(c.m.idleSince.Compare(o.m.idleSince), cmp.Compare(c.m.number, o.m.number)) < 0
}

const (
	horizon     = time.Minute // within which a member is of use or not
	unknownCold = time.Second
)

// value is what keeping an idle member is worth: how likely it is to be used soon, times
// the start that this saves, for each MiB that it holds.
func (v *version) value(m *Member, now time.Time) float64 {
	cold := v.cold.value
	if !v.cold.known {
		cold = unknownCold
	}
	likely := 1.0
	if !now.Before(m.stays) {
		likely = v.function.demand.gaps(m.level).likelihood(now.Sub(m.idleSince), horizon, v.bounds().least)
	}
	return likely * max(cold, time.Millisecond).Seconds() / float64(max(m.memoryMB, 1))
}

// attainable says whether so much memory can become free for v without taking what
// others are promised to be kept.
func (l *Ledger) attainable(v *version, need int) bool {
	kept := 0
	for _, o := range l.versions {
		if o != v {
			kept += min(o.promised(), o.staying()) * o.spec.Config.MemoryMB
		}
	}
	own := 0
	for m := range v.members {
		own += m.memoryMB
	}
	return l.cfg.MemoryMB-kept-own >= need
}

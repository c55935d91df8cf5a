package ledger

import "fmt"

// Check says what is wrong with the ledger's sums; nil when nothing is.
func (l *Ledger) Check() error {
	var promised, closingMB, yielding, members int
	loads := map[*function]int{}
	memory := map[*account]int{}
	for ref, v := range l.versions {
		if err := v.check(); err != nil {
			return fmt.Errorf("%s: %w", ref, err)
		}
		loads[v.function] += v.waiting.len()
		for m := range v.members {
			members++
			promised += m.memoryMB
			memory[&v.function.account] += m.memoryMB
			memory[v.function.tenant] += m.memoryMB
			loads[v.function] += m.inFlight
			if m.state == closing {
				closingMB += m.memoryMB
			} else if m.yields {
				yielding += m.memoryMB
			}
		}
		if v.place > len(l.due) || v.place > 0 && l.due[v.place-1] != v {
			return fmt.Errorf("%s is not where it should be on the agenda", ref)
		}
	}
	for v := range l.blocked {
		if l.versions[v.spec.VersionRef] != v {
			return fmt.Errorf("%s is forgotten and blocked", v.spec.VersionRef)
		}
	}
	for _, v := range l.due {
		if l.versions[v.spec.VersionRef] != v {
			return fmt.Errorf("%s is forgotten and on the agenda", v.spec.VersionRef)
		}
	}
	for ref, f := range l.functions {
		if f.demand.load < loads[f] || /* a lease can outlive its member */ f.memoryMB != memory[&f.account] {
			return fmt.Errorf("%v: load %d and %d MiB are counted, %d and %d are right", ref, f.demand.load, f.memoryMB, loads[f], memory[&f.account])
		}
	}
	promised += l.lent()
	got, want := [4]int{l.promised, l.closing, l.yielding, l.members}, [4]int{promised, closingMB, yielding, members}
	if got != want {
		return fmt.Errorf("promised, closing, yielding, members: %v are counted, %v are right", got, want)
	}
	if l.cfg.MemoryMB > 0 && promised > l.cfg.MemoryMB {
		return fmt.Errorf("%d MiB are promised of %d", promised, l.cfg.MemoryMB)
	}
	return l.checkLoans()
}

func (v *version) check() error {
	var starts, readies, leaving, thaws, free int
	for m := range v.members {
		switch m.state {
		case starting:
			starts++
		case ready:
			readies++
			if m.retired {
				leaving++
			}
			if m.ice == thawing {
				thaws++
			}
		}
		if m.on != nil {
			free += v.slots() - m.inFlight
			if m.state != ready || m.retired || m.on != &v.stacks[m.ice] {
				return fmt.Errorf("a member that is not free is in a stack: %+v", m.Info())
			}
		}
		if m.inFlight > 0 && m.state == ready && m.ice != running {
			return fmt.Errorf("a member with events is frozen: %+v", m.Info())
		}
	}
	got, want := [5]int{v.starting, v.ready, v.leaving, v.thawing, v.free}, [5]int{starts, readies, leaving, thaws, free}
	if got != want {
		return fmt.Errorf("starting, ready, leaving, thawing, free: %v are counted, %v are right", got, want)
	}
	if v.waiting.len() > 0 && v.top() != nil {
		return fmt.Errorf("%d wait, and a slot is free", v.waiting.len())
	}
	return nil
}

// Load is the events that are counted to run or to wait.
func (l *Ledger) Load() (n int) {
	for _, f := range l.functions {
		n += f.demand.load
	}
	return n
}

// checkLoans says what is wrong with what jobs hold, and with what is at work.
func (l *Ledger) checkLoans() error {
	var recalling, fixed, given int
	for loan := range l.loans {
		if loan.recalled {
			recalling += loan.MemoryMB
		}
		if !loan.Recallable {
			fixed += loan.MemoryMB
		}
	}
	var working int64
	for _, v := range l.versions {
		for m := range v.members {
			given += m.givenMB
			if m.state == starting || m.inFlight > 0 {
				working += int64(m.spec.Config.CPU * 1000)
			}
		}
	}
	got, want := [3]int{l.recalling, l.fixed, l.given}, [3]int{recalling, fixed, given}
	switch {
	case got != want:
		return fmt.Errorf("recalling, fixed, given: %v are counted, %v are right", got, want)
	case l.working < working /* a lease can outlive its member */ :
		return fmt.Errorf("%d thousandths of a vCPU are counted to be at work, at least %d are", l.working, working)
	}
	return nil
}

// lent is what jobs hold, in MiB.
func (l *Ledger) lent() (sum int) {
	for loan := range l.loans {
		sum += loan.MemoryMB
	}
	return sum
}

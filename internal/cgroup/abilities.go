package cgroup

// Abilities are what a System can do for a group.
type Abilities struct {
	Memory, CPU, PIDs bool // limit, and count, each of them
	Freeze            bool
	Groups            bool // anything: there is a hierarchy, which also finds and kills processes
}

// Abilities says what this System can do.
func (s *System) Abilities() Abilities {
	return Abilities{
		Memory: s.memory.version != none,
		CPU:    s.cpu.version != none,
		PIDs:   s.pids.version != none,
		Freeze: s.unified.version == v2 || s.freezer.version != none,
		Groups: len(s.roots()) > 0,
	}
}

// only leaves out the limits that cannot be enforced.
func (l Limits) only(can Abilities) Limits {
	if !can.Memory {
		l.Memory = 0
	}
	if !can.CPU {
		l.CPU, l.Background = 0, false
	}
	if !can.PIDs {
		l.PIDs = 0
	}
	return l
}

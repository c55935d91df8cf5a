package cgroup

import "strings"

// Parse reads an imitation of /proc/self/mountinfo. fill puts the files of a new group
// in its folder and empty takes them away, as the kernel does; nil leaves it to the
// kernel.
func Parse(mountinfo string, fill, empty func(dir string) error) (*System, error) {
	s, err := parse(strings.NewReader(mountinfo))
	if err != nil || fill == nil {
		return s, err
	}
	make, remove := s.mkdir, s.rmdir
	s.mkdir = func(dir string) error {
		if err := make(dir); err != nil {
			return err
		}
		return fill(dir)
	}
	s.rmdir = func(dir string) error {
		if err := empty(dir); err != nil {
			return err
		}
		return remove(dir)
	}
	return s, nil
}

// Shortage judges the pressure by the memory that there is.
var Shortage = shortage

// Anonymous reads a line of a process's map of memory.
var Anonymous = anonymous

// Lenient makes a System one that was given to an ordinary user.
func Lenient(s *System) { s.lenient = true }

// StepAside does what [Delegated] does in the group of an imitation.
func StepAside(s *System) error { return s.stepAside() }

// CPUFile is where a file of the cpu controller is.
func (g *Group) CPUFile(name string) string { return g.path(g.sys.cpu, name) }

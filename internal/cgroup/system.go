package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Limits bound the processes of a group together. Zero is no limit.
type Limits struct {
	CPU    float64 // vCPUs
	Memory int64   // bytes, swap included where the kernel can count it
	PIDs   int     // processes and threads

	// Background gives the group the cpu time that its siblings leave, as far as this
	// machine can: it is no bound.
	Background bool
}

// System is the control groups of this machine.
type System struct {
	memory, cpu, cpuacct, pids, freezer controller
	unified                             controller // the v2 hierarchy, with or without controllers

	// lenient says that limits without a controller are left out: what an ordinary user
	// was given is used as far as it goes.
	lenient bool

	// mu guards delegated: the parents whose children have the v2 controllers. A child
	// that is made before has none.
	mu        sync.Mutex
	delegated map[string]bool

	// Creating and removing a folder are fields because only the kernel fills a
	// folder with files: a test on an imitation of v2 does it in its place.
	mkdir func(dir string) error
	rmdir func(dir string) error
}

// version of a hierarchy: 1 or 2; 0 when there is none.
type version int

const (
	none version = iota
	v1
	v2
)

// controller is where one controller is found: the mount point of its hierarchy.
type controller struct {
	root    string
	version version
}

// New makes a group under the given name, "parent/name", and sets its limits. The
// parent is made when it is missing. It is fs.ErrExist when the group exists. On an
// error nothing is left but the parent.
func (s *System) New(name string, limits Limits) (*Group, error) {
	g := s.Open(name)
	if err := s.prepareParent(filepath.Dir(name)); err != nil {
		return nil, err
	}
	for i, root := range s.roots() {
		if err := s.mkdir(filepath.Join(root, name)); err != nil {
			for _, made := range s.roots()[:i] {
				err = errors.Join(err, s.rmdir(filepath.Join(made, name)))
			}
			return nil, fmt.Errorf("make control group: %w", err)
		}
	}
	if err := g.Limit(limits); err != nil {
		return nil, errors.Join(err, g.rmdirs())
	}
	return g, nil
}

// Open is the group of that name, whether it exists or not: to kill and remove what
// another process made.
func (s *System) Open(name string) *Group { return &Group{sys: s, name: name} }

// List names the groups below parent, "parent/name", in any hierarchy.
func (s *System) List(parent string) ([]string, error) {
	var names []string
	for _, root := range s.roots() {
		entries, err := os.ReadDir(filepath.Join(root, parent))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("list control groups: %w", err)
		}
		for _, e := range entries {
			if e.IsDir() {
				names = append(names, filepath.Join(parent, e.Name()))
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// String says which version serves which controller: "memory v1, cpu v1, pids v1,
// freeze v2, kill v2".
func (s *System) String() string {
	freezer, kill := s.freezer.version, none
	if s.unified.version == v2 {
		freezer, kill = v2, v2
	}
	var b strings.Builder
	for i, c := range []struct {
		name string
		v    version
	}{{"memory", s.memory.version}, {"cpu", s.cpu.version}, {"pids", s.pids.version}, {"freeze", freezer}, {"kill", kill}} {
		if i > 0 {
			b.WriteString(", ")
		}
		if c.v == none {
			fmt.Fprintf(&b, "%s none", c.name)
		} else {
			fmt.Fprintf(&b, "%s v%d", c.name, c.v)
		}
	}
	return b.String()
}

// prepareParent makes the parent in every hierarchy; in v2 its children get their
// controllers from it. One that exists may be half made, by an owner that died.
func (s *System) prepareParent(parent string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, root := range s.roots() {
		err := s.mkdir(filepath.Join(root, parent))
		existed := errors.Is(err, fs.ErrExist)
		if existed {
			err = nil
		}
		if err == nil && root == s.unified.root && !(existed && s.delegated[parent]) {
			err = s.delegate(parent)
		}
		if err != nil {
			return fmt.Errorf("make control group: %w", err)
		}
	}
	if s.delegated == nil {
		s.delegated = map[string]bool{}
	}
	s.delegated[parent] = true
	return nil
}

// roots are the distinct hierarchies in which a group has a folder. Counting cpu
// time needs one of its own only where v2 is missing, freezing too.
func (s *System) roots() []string {
	used := []controller{s.memory, s.cpu, s.pids, s.unified}
	if s.unified.version == none {
		used = append(used, s.cpuacct, s.freezer)
	}
	var roots []string
	for _, c := range used {
		if c.version != none && !slices.Contains(roots, c.root) {
			roots = append(roots, c.root)
		}
	}
	return roots
}

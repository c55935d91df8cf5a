package cgroup

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// addV2 takes from the v2 hierarchy the controllers that no v1 hierarchy holds.
func (s *System) addV2() {
	if s.unified.version == none {
		return
	}
	for name, c := range s.controllersV2() {
		if c.version == none && slices.Contains(available(s.unified.root), name) {
			*c = s.unified
		}
	}
}

// delegate passes the controllers on from the root of the v2 hierarchy to the
// children of parent.
func (s *System) delegate(parent string) error {
	for _, dir := range []string{s.unified.root, filepath.Join(s.unified.root, parent)} {
		for name, c := range s.controllersV2() {
			if c.version != v2 {
				continue
			}
			if err := write(filepath.Join(dir, "cgroup.subtree_control"), "+"+name); err != nil {
				return fmt.Errorf("pass the %s controller on: %w (a group with processes of its own cannot have children with limits: start the server in a delegated group, as Delegate=yes of systemd makes one)", name, err)
			}
		}
	}
	return nil
}

func (s *System) controllersV2() map[string]*controller {
	return map[string]*controller{"memory": &s.memory, "cpu": &s.cpu, "pids": &s.pids}
}

// available are the controllers that a v2 group may use.
func available(dir string) []string {
	b, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	if err != nil {
		return nil
	}
	return strings.Fields(string(b))
}

package cgroup

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// None is a System without any hierarchy, for a process that may use none: its groups
// have a name and nothing else. Limits are left out, usage is zero, freezing is an
// error, and there is nothing to list, kill or remove.
func None() *System { return &System{lenient: true, mkdir: mkdir, rmdir: syscall.Rmdir} }

// Delegated is what an ordinary user has: the v2 group that this process is in, when it
// was given to the user, as systemd does with Delegate=yes and for what its user
// instances run. Only limits that the group can pass on are enforced; the others are
// left out. When there is no such group the System is [None], with why not.
//
// A group with processes of its own cannot have children with limits (cgroups(7), "no
// internal processes"), so this process, and its parent when that is in the same group,
// move to a child beside those to come.
func Delegated() (*System, error) {
	dir, err := ownGroup()
	if err != nil {
		return None(), err
	}
	s := &System{unified: controller{dir, v2}, lenient: true, mkdir: mkdir, rmdir: syscall.Rmdir}
	if err := s.stepAside(); err != nil {
		return None(), err
	}
	s.addV2()
	if err := s.passOn(); err != nil {
		return None(), err
	}
	return s, nil
}

// serverGroup is the child that holds the server itself.
const serverGroup = "slipway-server"

// ownGroup is the folder of the v2 group that this process is in, if it may be used. A
// server that stepped aside before has its own to start from again.
func ownGroup() (string, error) {
	mount, err := mountOfV2()
	if err != nil {
		return "", err
	}
	lines, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", fmt.Errorf("find the own control group: %w", err)
	}
	for line := range strings.Lines(string(lines)) {
		name, ok := strings.CutPrefix(strings.TrimSpace(line), "0::")
		if !ok {
			continue
		}
		dir := filepath.Join(mount, name)
		if filepath.Base(dir) == serverGroup {
			dir = filepath.Dir(dir)
		}
		for _, file := range []string{dir, filepath.Join(dir, "cgroup.procs"), filepath.Join(dir, "cgroup.subtree_control")} {
			if err := unix.Access(file, unix.W_OK); err != nil {
				return "", fmt.Errorf("the control group %s does not belong to this user", name)
			}
		}
		return dir, nil
	}
	return "", errors.New("this process is in no v2 control group")
}

func mountOfV2() (string, error) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", fmt.Errorf("find control groups: %w", err)
	}
	for lines := bufio.NewScanner(bytes.NewReader(mounts)); lines.Scan(); {
		before, after, _ := strings.Cut(lines.Text(), " - ")
		if mount := strings.Fields(before); strings.HasPrefix(after, "cgroup2 ") && len(mount) > 4 {
			return mount[4], nil
		}
	}
	return "", errors.New("control groups of version 2 are not mounted")
}

// stepAside moves this process and its parent out of the group.
func (s *System) stepAside() error {
	aside := filepath.Join(s.unified.root, serverGroup)
	if err := s.mkdir(aside); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("make control group: %w", err)
	}
	pids, err := readInts(filepath.Join(s.unified.root, "cgroup.procs"))
	if err != nil {
		return fmt.Errorf("leave the control group: %w", err)
	}
	for _, pid := range pids {
		if pid != os.Getpid() && pid != os.Getppid() {
			continue
		}
		if err := write(filepath.Join(aside, "cgroup.procs"), strconv.Itoa(pid)); err != nil {
			return fmt.Errorf("leave the control group: %w", err)
		}
	}
	return nil
}

// passOn tries whether children can have the controllers.
func (s *System) passOn() error {
	for name, c := range s.controllersV2() {
		if c.version != v2 {
			continue
		}
		err := write(filepath.Join(s.unified.root, "cgroup.subtree_control"), "+"+name)
		if errors.Is(err, syscall.EBUSY) {
			return fmt.Errorf("the control group %s holds other processes than the server's", s.unified.root)
		}
		if err != nil {
			return fmt.Errorf("pass the %s controller on: %w", name, err)
		}
	}
	return nil
}

package cgroup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Group is one control group in all hierarchies of a System.
type Group struct {
	sys  *System
	name string
	peak atomic.Int64 // bytes; what the kernel was told to forget, see Meter

	behind atomic.Bool // it is in the background
}

// Usage is what the processes of a group used.
type Usage struct {
	CPU        time.Duration // user and system time
	MemoryPeak int64         // bytes, at most at one moment
	Memory     int64         // bytes now
	PIDs       int           // processes and threads now
	OOMKills   int           // how often the kernel killed for want of memory; see [Group.OOMKills]
}

// Name is the name the group was made with.
func (g *Group) Name() string { return g.name }

// Limit sets the limits that are not zero; the others stay as they are.
func (g *Group) Limit(l Limits) error {
	if g.sys.lenient {
		l = l.only(g.sys.Abilities())
	}
	if l.Memory > 0 {
		if err := g.limitMemory(l.Memory); err != nil {
			return err
		}
	}
	if l.CPU > 0 {
		if err := g.limitCPU(l.CPU); err != nil {
			return err
		}
	}
	if l.Background {
		if err := g.background(); err != nil {
			return err
		}
	}
	if l.PIDs > 0 {
		return g.limitPIDs(l.PIDs)
	}
	return nil
}

// CloneInto opens the group for CLONE_INTO_CGROUP (clone3(2)), which saves moving the
// process afterwards; nil when there is no v2 hierarchy.
func (g *Group) CloneInto() (*os.File, error) {
	if g.sys.unified.version == none {
		return nil, nil
	}
	return os.Open(filepath.Join(g.sys.unified.root, g.name))
}

// Add moves a process into the group, in all hierarchies.
func (g *Group) Add(pid int) error {
	for _, root := range g.sys.roots() {
		if err := write(filepath.Join(root, g.name, "cgroup.procs"), strconv.Itoa(pid)); err != nil {
			return fmt.Errorf("join control group: %w", err)
		}
	}
	return nil
}

// Joins opens the group in the hierarchies that clone3(2) does not reach, see CloneInto:
// a thread that writes "0" to each of these files has joined. For a thread that moves
// itself the kernel need not wait for all the others of the machine, as it does in Add
// (cgroup_threadgroup_rwsem: 10 ms and more).
func (g *Group) Joins() (files []*os.File, err error) {
	for _, root := range g.sys.roots() {
		if root == g.sys.unified.root {
			continue
		}
		file := filepath.Join(root, g.name, "tasks")
		fd, err := open(file, unix.O_WRONLY)
		if err != nil {
			for _, opened := range files {
				opened.Close()
			}
			return nil, fmt.Errorf("join control group: %w", err)
		}
		files = append(files, os.NewFile(uintptr(fd), file))
	}
	return files, nil
}

// Usage reads what the group used until now.
func (g *Group) Usage() (Usage, error) {
	var u Usage
	var errs [4]error
	u.CPU, errs[0] = g.cpuTime()
	u.Memory, u.MemoryPeak, errs[1] = g.memory()
	u.PIDs, errs[2] = g.pids()
	u.OOMKills, errs[3] = g.OOMKills()
	if err := errors.Join(errs[:]...); err != nil {
		return Usage{}, fmt.Errorf("read usage: %w", err)
	}
	return u, nil
}

// Threads are the ids of all threads, as this process sees them; none where there are no
// hierarchies, see [None].
func (g *Group) Threads() ([]int, error) {
	roots := g.sys.roots()
	if len(roots) == 0 {
		return nil, nil
	}
	root, file := roots[0], "tasks"
	if g.sys.unified.version == v2 {
		root, file = g.sys.unified.root, "cgroup.threads"
	}
	return readInts(filepath.Join(root, g.name, file))
}

// Kill sends SIGKILL to every process, frozen ones too, and returns when none is
// left. It is nil when there is no such group.
func (g *Group) Kill(ctx context.Context) error {
	err := errors.Join(g.Foreground(), g.killAll(ctx))
	if err == nil {
		err = until(ctx, g.empty)
	}
	if err != nil {
		return fmt.Errorf("kill control group %s: %w", g.name, err)
	}
	return nil
}

func (g *Group) killAll(ctx context.Context) error {
	if g.sys.unified.version == none {
		return g.killEach(ctx)
	}
	err := write(g.path(g.sys.unified, "cgroup.kill"), "1")
	if errors.Is(err, fs.ErrNotExist) { // a kernel before 5.14, or no such group
		return g.killEach(ctx)
	}
	return err
}

// killEach kills what it finds, frozen so that nothing can be born meanwhile, until
// it finds nothing.
func (g *Group) killEach(ctx context.Context) error {
	return until(ctx, func() (bool, error) {
		if empty, err := g.empty(); empty || err != nil {
			return empty, err
		}
		freezeErr := g.setFrozen(ctx, true) // without a freezer the loop still wins, only later
		pids, err := g.procs()
		for _, pid := range pids {
			if e := syscall.Kill(pid, syscall.SIGKILL); e != nil && e != syscall.ESRCH {
				err = errors.Join(err, e)
			}
		}
		if freezeErr == nil {
			err = errors.Join(err, g.setFrozen(ctx, false)) // v1: a frozen process does not die
		}
		return false, err
	})
}

// empty says whether no process is left in any hierarchy. Zombies do not count.
func (g *Group) empty() (bool, error) {
	pids, err := g.procs()
	return len(pids) == 0, err
}

// procs are the processes found in any hierarchy, some more than once.
func (g *Group) procs() ([]int, error) {
	var all []int
	for _, root := range g.sys.roots() {
		pids, err := readInts(filepath.Join(root, g.name, "cgroup.procs"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENODEV) { // ENODEV: removed meanwhile
			return nil, err
		}
		all = append(all, pids...)
	}
	return all, nil
}

// Remove removes the group, which must have no process. The kernel may hold an empty
// group for a moment after its last process ended; Remove waits for that.
func (g *Group) Remove(ctx context.Context) error {
	if err := until(ctx, func() (bool, error) {
		err := g.rmdirs()
		return !errors.Is(err, syscall.EBUSY), err
	}); err != nil {
		return fmt.Errorf("remove control group %s: %w", g.name, err)
	}
	return nil
}

func (g *Group) rmdirs() error {
	var errs []error
	for _, root := range g.sys.roots() {
		if err := g.sys.rmdir(filepath.Join(root, g.name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (g *Group) path(c controller, file string) string {
	return filepath.Join(c.root, g.name, file)
}

package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
)

// limitMemory bounds memory and swap together. v1 counts them together; v2 counts
// them apart, so there the group gets no swap.
func (g *Group) limitMemory(bytes int64) error {
	c := g.sys.memory
	if c.version == none {
		return errors.New("limit memory: this machine has no memory controller: add cgroup_enable=memory to the kernel's command line")
	}
	value := strconv.FormatInt(bytes, 10)
	limit, swap, swapValue := "memory.limit_in_bytes", "memory.memsw.limit_in_bytes", value
	if c.version == v2 {
		limit, swap, swapValue = "memory.max", "memory.swap.max", "0"
	}
	if err := write(g.path(c, limit), value); err != nil {
		return fmt.Errorf("limit memory to %d bytes: %w", bytes, err)
	}
	if err := write(g.path(c, swap), swapValue); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("limit memory and swap to %d bytes: %w", bytes, err)
	}
	if c.version == v1 { // v2 counts the buffers of connections with the rest; v1 does apart, and only when they have a limit
		if err := write(g.path(c, "memory.kmem.tcp.limit_in_bytes"), value); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("limit the buffers of connections to %d bytes: %w", bytes, err)
		}
	}
	if c.version == v2 { // a group that lost a process for want of memory is of no use: end it whole
		if err := write(g.path(c, "memory.oom.group"), "1"); err != nil {
			return fmt.Errorf("end the group together when memory is full: %w", err)
		}
	}
	return nil
}

// keepPeak remembers a peak that the kernel is about to forget.
func (g *Group) keepPeak(bytes int64) {
	for {
		known := g.peak.Load()
		if bytes <= known || g.peak.CompareAndSwap(known, bytes) {
			return
		}
	}
}

// memory is what the group holds now and held at most.
func (g *Group) memory() (now, peak int64, err error) {
	c := g.sys.memory
	files := [2]string{"memory.usage_in_bytes", "memory.max_usage_in_bytes"}
	switch c.version {
	case none:
		return 0, 0, nil
	case v2:
		files = [2]string{"memory.current", "memory.peak"}
	}
	if now, err = readInt(g.path(c, files[0])); err != nil {
		return 0, 0, err
	}
	peak, err = readInt(g.path(c, files[1]))
	if errors.Is(err, fs.ErrNotExist) { // memory.peak is of Linux 5.19
		return now, now, nil
	}
	return now, max(peak, g.peak.Load()), err
}

// OOMKills is how many processes of the group the kernel killed for want of memory. v2
// ends the group whole, and counts the process that it chose first twice.
func (g *Group) OOMKills() (int, error) {
	c := g.sys.memory
	var n int64
	var err error
	switch c.version {
	case v1:
		n, err = readKey(g.path(c, "memory.oom_control"), "oom_kill")
	case v2:
		n, err = readKey(g.path(c, "memory.events"), "oom_kill")
	}
	return int(n), err
}

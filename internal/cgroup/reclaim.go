package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"syscall"
)

// Reclaim moves what the group's memory holds to swap and drops what is cached of
// files, as far as the kernel can, and says how many bytes that gave back. Without swap
// it is what was cached. v2 asks with memory.reclaim (Linux 5.19), v1 with
// memory.force_empty; a kernel that has neither gives nothing back.
func (g *Group) Reclaim() (int64, error) {
	c := g.sys.memory
	if c.version == none {
		return 0, nil
	}
	before, _, err := g.memory()
	if err != nil {
		return 0, fmt.Errorf("reclaim memory: %w", err)
	}
	file, value := "memory.force_empty", "0"
	if c.version == v2 {
		file, value = "memory.reclaim", strconv.FormatInt(before, 10)
	}
	err = write(g.path(c, file), value)
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EBUSY) || errors.Is(err, fs.ErrNotExist) {
		err = nil // less than all was given back
	}
	if err != nil {
		return 0, fmt.Errorf("reclaim memory: %w", err)
	}
	after, _, err := g.memory()
	if err != nil {
		return 0, fmt.Errorf("reclaim memory: %w", err)
	}
	return max(0, before-after), nil
}

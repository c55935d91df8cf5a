package cgroup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"syscall"
)

// reclaimStep is how much is asked for at once, in bytes: some tens of milliseconds of
// compression, after which ctx is looked at.
const reclaimStep = 32 << 20

// Reclaim moves what the processes of the group hold to swap, as far as the machine has
// some, and says how many bytes that gave back; without swap it is 0. It is meant for a
// frozen group: others would ask for their memory back at once.
//
// What is cached of files stays: those of layers are shared with other sandboxes, and the
// kernel takes them by itself when somebody needs memory.
//
// v2 asks with memory.reclaim, when the kernel can be told to leave the cache alone
// (swappiness=, Linux 6.9); else the pages of each process are advised out
// (process_madvise(2), Linux 5.10), which leaves what processes share. A kernel that has
// neither gives nothing back.
//
// When ctx ends, what was moved until then is given back together with the error.
func (g *Group) Reclaim(ctx context.Context) (int64, error) {
	if g.sys.memory.version == none || !swapLeft() {
		return 0, nil
	}
	before, _, err := g.memory()
	if err != nil {
		return 0, fmt.Errorf("reclaim memory: %w", err)
	}
	if err := g.swapOut(ctx, before); err != nil {
		err = fmt.Errorf("reclaim memory: %w", err)
		after, _, _ := g.memory() // the first error says more
		return max(0, before-after), err
	}
	after, _, err := g.memory()
	if err != nil {
		return 0, fmt.Errorf("reclaim memory: %w", err)
	}
	return max(0, before-after), nil
}

func (g *Group) swapOut(ctx context.Context, held int64) error {
	if g.sys.memory.version == v1 {
		return g.pageOut(ctx)
	}
	restore, err := g.openSwap()
	if err != nil {
		return err
	}
	return errors.Join(g.reclaimV2(ctx, held), restore())
}

// openSwap lets the group use swap for a moment, see limitMemory. What is there when it
// is closed again may stay until it is asked for.
func (g *Group) openSwap() (restore func() error, err error) {
	file := g.path(g.sys.memory, "memory.swap.max")
	bound, err := readText(file)
	if errors.Is(err, fs.ErrNotExist) {
		return func() error { return nil }, nil // this kernel does not count swap
	}
	if err == nil {
		err = write(file, "max")
	}
	return func() error { return write(file, bound) }, err
}

// reclaimV2 asks step by step, because what has begun cannot be cancelled. EAGAIN is the
// kernel's word for less than was asked for: there is no more.
func (g *Group) reclaimV2(ctx context.Context, held int64) error {
	file := g.path(g.sys.memory, "memory.reclaim")
	for _, how := range []string{" swappiness=max", " swappiness=200"} { // Linux 6.16, 6.9
		err := inSteps(ctx, held, func(bytes int64) error {
			return write(file, strconv.FormatInt(bytes, 10)+how)
		})
		if errors.Is(err, syscall.EINVAL) {
			continue
		}
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if errors.Is(err, syscall.EAGAIN) {
			return nil
		}
		return err
	}
	return g.pageOut(ctx)
}

// inSteps has at most total done, until something goes wrong or ctx ends.
func inSteps(ctx context.Context, total int64, do func(bytes int64) error) error {
	for left := total; left > 0; left -= reclaimStep {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if err := do(min(left, reclaimStep)); err != nil {
			return err
		}
	}
	return nil
}

// swapLeft says whether the machine has swap that is not full.
func swapLeft() bool {
	kb, err := readKey(meminfo, "SwapFree:")
	return err == nil && kb > 0
}

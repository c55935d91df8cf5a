package cgroup

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Freeze stops every process of the group and returns when they have stopped. One
// that arrives later is stopped too. On an error, which may be ctx's when a process is
// held up in the kernel, the group is thawed.
func (g *Group) Freeze(ctx context.Context) error {
	err := g.setFrozen(ctx, true)
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		err = errors.Join(err, g.setFrozen(context.WithoutCancel(ctx), false))
	}
	return fmt.Errorf("freeze: %w", err)
}

// Thaw lets every process run on. They are runnable when it returns.
func (g *Group) Thaw(ctx context.Context) error {
	if err := g.setFrozen(ctx, false); err != nil {
		return fmt.Errorf("thaw: %w", err)
	}
	return nil
}

func (g *Group) setFrozen(ctx context.Context, frozen bool) error {
	switch {
	case g.sys.unified.version == v2:
		return g.setFrozenV2(ctx, frozen)
	case g.sys.freezer.version == v1:
		return g.setFrozenV1(ctx, frozen)
	default:
		return fmt.Errorf("%w: no freezer of control groups can be used here", errors.ErrUnsupported)
	}
}

func (g *Group) setFrozenV2(ctx context.Context, frozen bool) error {
	value := "0"
	if frozen {
		value = "1"
	}
	err := write(g.path(g.sys.unified, "cgroup.freeze"), value)
	if err != nil || !frozen { // who is thawed has been woken by the write
		return err
	}
	return until(ctx, func() (bool, error) {
		is, err := readKey(g.path(g.sys.unified, "cgroup.events"), "frozen")
		return is == 1, err
	})
}

// setFrozenV1 writes the state until it is reached: a v1 group stays FREEZING when a
// process could not be stopped at once, and must be asked again.
func (g *Group) setFrozenV1(ctx context.Context, frozen bool) error {
	state, file := "THAWED", g.path(g.sys.freezer, "freezer.state")
	if frozen {
		state = "FROZEN"
	}
	return until(ctx, func() (bool, error) {
		if err := write(file, state); err != nil {
			return false, err
		}
		is, err := read(file)
		return strings.TrimSpace(string(is)) == state, err
	})
}

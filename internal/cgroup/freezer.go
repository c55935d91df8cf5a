package cgroup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
)

// Freeze stops every process of the group and returns when they have stopped. One
// that arrives later is stopped too.
func (g *Group) Freeze(ctx context.Context) error {
	if err := g.setFrozen(ctx, true); err != nil {
		return fmt.Errorf("freeze: %w", err)
	}
	return nil
}

// Thaw lets every process run on.
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
		return errors.New("this machine has no freezer (CONFIG_CGROUP_FREEZER)")
	}
}

func (g *Group) setFrozenV2(ctx context.Context, frozen bool) error {
	value := int64(0)
	if frozen {
		value = 1
	}
	if err := write(g.path(g.sys.unified, "cgroup.freeze"), string(rune('0'+value))); err != nil {
		return err
	}
	return until(ctx, func() (bool, error) {
		is, err := readKey(g.path(g.sys.unified, "cgroup.events"), "frozen")
		return is == value, err
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
		is, err := os.ReadFile(file)
		return strings.TrimSpace(string(is)) == state, err
	})
}

package cgroup

import (
	"errors"
	"fmt"
	"strconv"
)

// limitPIDs bounds processes and threads; the files are the same in v1 and v2.
func (g *Group) limitPIDs(n int) error {
	if g.sys.pids.version == none {
		return errors.New("limit processes: this machine has no pids controller (CONFIG_CGROUP_PIDS)")
	}
	if err := write(g.path(g.sys.pids, "pids.max"), strconv.Itoa(n)); err != nil {
		return fmt.Errorf("limit processes to %d: %w", n, err)
	}
	return nil
}

// pids is how many processes and threads there are now.
func (g *Group) pids() (int, error) {
	if g.sys.pids.version == none {
		return 0, nil
	}
	n, err := readInt(g.path(g.sys.pids, "pids.current"))
	return int(n), err
}

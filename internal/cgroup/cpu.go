package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"time"
)

// period is the stretch of time in which a group may use its share of the cpu: the
// kernel's default, and a group that used its share waits at most this long.
const period = 100 * time.Millisecond

// limitCPU bounds cpu time: of every period, the group may run vcpus times its length.
func (g *Group) limitCPU(vcpus float64) error {
	c := g.sys.cpu
	quota := strconv.FormatInt(max(int64(vcpus*float64(period.Microseconds())), 1000), 10) // 1 ms is the least the kernel takes
	length := strconv.FormatInt(period.Microseconds(), 10)
	var err error
	switch c.version {
	case none:
		return errors.New("limit cpu: this machine has no cpu controller (CONFIG_CFS_BANDWIDTH)")
	case v1:
		if err = write(g.path(c, "cpu.cfs_period_us"), length); err == nil {
			err = write(g.path(c, "cpu.cfs_quota_us"), quota)
		}
	case v2:
		err = write(g.path(c, "cpu.max"), quota+" "+length)
	}
	if err != nil {
		return fmt.Errorf("limit cpu to %g: %w", vcpus, err)
	}
	return nil
}

// background has the group run when its siblings do not: as one of the kernel's idle
// groups, which give way at once to whoever wakes (Linux 5.15), and before that with the
// least weight there is.
func (g *Group) background() error {
	c := g.sys.cpu
	if c.version == none {
		return errors.New("run in the background: this machine has no cpu controller (CONFIG_FAIR_GROUP_SCHED)")
	}
	err := write(g.path(c, "cpu.idle"), "1")
	if errors.Is(err, fs.ErrNotExist) {
		file, least := c.leastWeight()
		err = write(g.path(c, file), least)
	}
	if err != nil {
		return fmt.Errorf("run in the background: %w", err)
	}
	return nil
}

// leastWeight is the file of a group's weight, and the least that it takes.
func (c controller) leastWeight() (file, least string) {
	if c.version == v1 {
		return "cpu.shares", "2"
	}
	return "cpu.weight", "1"
}

// cpuTime is user and system time. v2 counts it in every group, also in a hierarchy
// without controllers.
func (g *Group) cpuTime() (time.Duration, error) {
	if g.sys.unified.version == v2 {
		us, err := readKey(filepath.Join(g.sys.unified.root, g.name, "cpu.stat"), "usage_usec")
		return time.Duration(us) * time.Microsecond, err
	}
	if g.sys.cpuacct.version == none {
		return 0, nil
	}
	ns, err := readInt(g.path(g.sys.cpuacct, "cpuacct.usage"))
	return time.Duration(ns), err
}

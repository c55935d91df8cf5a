package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"syscall"
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
	file, least, _ := c.weight()
	if err := g.give(file, least, "1"); err != nil {
		return fmt.Errorf("run in the background: %w", err)
	}
	g.behind.Store(true)
	return nil
}

// Foreground ends that a group is in the background: who is to end should not have to wait
// for its siblings to let it. It does nothing for others, or when the group is gone.
func (g *Group) Foreground() error {
	if !g.behind.Swap(false) {
		return nil
	}
	file, _, usual := g.sys.cpu.weight()
	err := g.give(file, usual, "0")
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENODEV) {
		return fmt.Errorf("run in the foreground: %w", err)
	}
	return nil
}

// give sets whether the group is an idle one, or its weight where there are none such.
func (g *Group) give(file, weight, idle string) error {
	err := write(g.path(g.sys.cpu, "cpu.idle"), idle)
	if errors.Is(err, fs.ErrNotExist) {
		err = write(g.path(g.sys.cpu, file), weight)
	}
	return err
}

// weight is the file of a group's weight, the least that it takes, and what is in it when
// nobody said anything.
func (c controller) weight() (file, least, usual string) {
	if c.version == v1 {
		return "cpu.shares", "2", "1024"
	}
	return "cpu.weight", "1", "100"
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

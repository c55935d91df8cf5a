package main

import (
	"context"
	"errors"
	"os"

	"github.com/slipway-run/slipway/internal/cgroup"
)

const mendCgroups = "mount control groups (mount -t cgroup2 none /sys/fs/cgroup), writable; in a container, run it with --privileged --cgroupns=private"

// checkCgroups makes a group with each limit an instance has, and removes it.
func (d *doctor) checkCgroups(ctx context.Context) finding {
	system, err := cgroup.Detect()
	if err != nil {
		return failure(mendCgroups, "%v", err)
	}
	group, err := system.New(d.name+"/trial", cgroup.Limits{CPU: 0.5, Memory: 64 << 20, PIDs: 32})
	if err == nil {
		err = group.Remove(ctx)
	}
	err = errors.Join(err, system.Open(d.name).Remove(ctx))
	if err != nil {
		return failure(mendCgroups, "an instance cannot be limited (%s): %v", system, err)
	}
	return fine("%s: cpu, memory and processes can be limited", system)
}

// checkPressure looks for pressure stall information, by which a machine that is
// short of memory is told from one that is only busy.
func checkPressure(context.Context) finding {
	if _, err := os.ReadFile("/proc/pressure/memory"); err != nil {
		return warning("start the kernel with psi=1", "stall information is not there: %v", reason(err))
	}
	return fine("stall information is there")
}

package main

import (
	"context"
	"os"

	"github.com/slipway-run/slipway/internal/cgroup"
)

const mendCgroups = "mount control groups (mount -t cgroup2 none /sys/fs/cgroup), writable; in a container, run it with --privileged --cgroupns=private"

func (d *doctor) checkCgroups(ctx context.Context) finding {
	system, err := cgroup.Detect()
	if err != nil {
		return failure(mendCgroups, "%v", err)
	}
	if err := tryGroup(ctx, system, d.name); err != nil {
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

package sandbox

import (
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway"
)

// shareNothing takes away bounds on what all sandboxes have together. The kernel counts
// some resources for each user of a namespace, and again for the maker of the namespace
// against the limits that it had then (getrlimit(2), Linux 5.14): one sandbox could use
// up what is there for all. Each has limits of its own from its start. A server that may
// not raise its limits keeps them.
func shareNothing() {
	for _, resource := range []int{unix.RLIMIT_NPROC, unix.RLIMIT_MSGQUEUE, unix.RLIMIT_SIGPENDING, unix.RLIMIT_MEMLOCK} {
		_ = unix.Setrlimit(resource, &unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY})
	}
}

// rlimits do not depend on those that the server was started with, but that none can be
// larger.
func rlimits(s slipway.SandboxSpec) []specs.POSIXRlimit {
	limits := []specs.POSIXRlimit{
		{Type: "RLIMIT_CORE"}, // a core file is of no use to anyone, and costs disk
		{Type: "RLIMIT_NICE"}, {Type: "RLIMIT_RTPRIO"},
		rlimit("RLIMIT_MSGQUEUE", messageQueues()),
		rlimit("RLIMIT_MEMLOCK", min(8<<20, ownLimit(unix.RLIMIT_MEMLOCK))), // bytes; the kernel's default
		rlimit("RLIMIT_SIGPENDING", min(1024, ownLimit(unix.RLIMIT_SIGPENDING))),
	}
	if s.OpenFiles > 0 {
		limits = append(limits, rlimit("RLIMIT_NOFILE", uint64(s.OpenFiles)))
	}
	return limits
}

func rlimit(name string, n uint64) specs.POSIXRlimit {
	return specs.POSIXRlimit{Type: name, Soft: n, Hard: n}
}

// messageQueues is what the queues of a sandbox (mq_overview(7)) may take, in bytes: the
// kernel's default, or nothing where sandboxes would share it. There are ten queues in
// it.
func messageQueues() uint64 {
	if ownLimit(unix.RLIMIT_MSGQUEUE) != unix.RLIM_INFINITY {
		return 0
	}
	return 800 << 10
}

// ownLimit is the hard limit of this process; 0 when it is not known.
func ownLimit(resource int) uint64 {
	var l unix.Rlimit
	if err := unix.Getrlimit(resource, &l); err != nil {
		return 0
	}
	return l.Max
}

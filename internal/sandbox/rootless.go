package sandbox

import (
	"fmt"
	"os"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/cgroup"
	"github.com/slipway-run/slipway/internal/sandbox/guest"
)

// Rootless is what the server of an ordinary user has, which must be root of a user
// namespace, in a mount namespace of its own.
//
// Its sandboxes have all namespaces, capabilities and filters that others have. What is
// less: they share one range of ids, so that what one of them could reach outside of its
// namespaces the others could, too; the layers must belong to that range already; and
// limits are those that the control groups enforce which the user was given.
type Rootless struct {
	IDs     int            // how many ids the namespace has from 0 on, at least one
	Groups  bool           // a process may choose its supplementary groups
	Cgroups *cgroup.System // what was given to the user; cgroup.None if nothing was
}

// Sandboxes gives the ids that sandboxes have in the namespace: count of them from first
// on. Id 0, the user, is not among them unless it is the only one.
func (r Rootless) Sandboxes() (first, count int) {
	if r.IDs <= 1 {
		return 0, 1
	}
	return 1, min(r.IDs-1, idsPerSandbox)
}

// namespaceRoot is an ordinary user as root of a user namespace.
type namespaceRoot struct {
	Rootless
	can    cgroup.Abilities
	shared *sharedIDs
}

func newNamespaceRoot(r Rootless) *namespaceRoot {
	first, count := r.Sandboxes()
	return &namespaceRoot{Rootless: r, can: r.Cgroups.Abilities(), shared: &sharedIDs{first: uint32(first), n: uint32(count)}}
}

func (r *namespaceRoot) cgroups() *cgroup.System { return r.Cgroups }

func (r *namespaceRoot) ids() ids { return r.shared }

// owners is nil: a filesystem of the machine lets only root of the machine map its owners.
func (*namespaceRoot) owners(*os.File) *os.File { return nil }

// overlay has its notes in attributes that everyone may set (userxattr).
func (*namespaceRoot) overlay() [][2]string {
	return append(overlayFeatures(), [2]string{"userxattr", ""})
}

// device makes the place on which the host's device is mounted, see setup: in a user
// namespace no device can be made, and none opened on a filesystem that was made there.
func (*namespaceRoot) device(at int, path string, _ device) error {
	fd, err := unix.Openat(at, path, unix.O_CREAT|unix.O_EXCL|unix.O_RDONLY|unix.O_CLOEXEC, 0o666)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

func (r *namespaceRoot) setup(s *guest.Setup) {
	for _, d := range devices() {
		if path := "/dev/" + d.name; exists(path) {
			s.Devices = append(s.Devices, path)
		}
	}
	s.OneID = !r.Groups
	const pingers = "net/ipv4/ping_group_range"
	if _, ok := s.Sysctl[pingers]; ok {
		s.Sysctl[pingers] = fmt.Sprintf("0 %d", r.shared.n-1)
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// fit bounds the number of processes where control groups cannot. The kernel counts
// those of each user of a namespace (RLIMIT_NPROC, Linux 5.14).
func (r *namespaceRoot) fit(spec *specs.Spec) {
	if limit := spec.Linux.Resources.Pids; limit != nil && !r.can.PIDs {
		n := uint64(*limit.Limit)
		spec.Process.Rlimits = append(spec.Process.Rlimits, specs.POSIXRlimit{Type: "RLIMIT_NPROC", Soft: n, Hard: n})
	}
}

// usage is what the control groups count, and what the table of processes says about the
// rest.
func (r *namespaceRoot) usage(s *shell) (cgroup.Usage, error) {
	u, err := s.group.Usage()
	if err != nil || r.can.Memory && r.can.PIDs {
		return u, err
	}
	seen := s.process.usage()
	if !r.can.Groups {
		u.CPU = seen.CPU
	}
	if !r.can.Memory {
		u.Memory, u.MemoryPeak = seen.Memory, seen.MemoryPeak
	}
	if !r.can.PIDs {
		u.PIDs = seen.PIDs
	}
	return u, nil
}

func (r *namespaceRoot) meter(s *shell) (slipway.Meter, error) {
	m, err := s.group.NewMeter(s.process.pid)
	if err != nil || r.can.Memory {
		return m, err
	}
	return &processMeter{Meter: m, pid: s.process.pid, counted: r.can.Groups}, nil
}

func (r *namespaceRoot) threads(s *shell) ([]int, error) {
	if r.can.Groups {
		return s.group.Threads()
	}
	return threadsBelow(s.process.pid), nil
}

// checkIdentity refuses a user that this server's sandboxes cannot have.
func (n *Native) checkIdentity(id guest.Identity) error {
	for _, x := range append([]int{id.UID, id.GID}, id.Groups...) {
		if uint32(x) >= n.ids.count() {
			return slipway.Errorf(slipway.ErrInvalid, "user or group %d: a sandbox of this server has the ids 0 to %d only, because it was not started by root; 'slipway doctor' says how to get more", x, n.ids.count()-1)
		}
	}
	return nil
}

package sandbox

import (
	"os"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/cgroup"
	"github.com/slipway-run/slipway/internal/sandbox/guest"
)

// privileges are what this process may do on its machine. There are two kinds: those of
// the machine's root, and those of an ordinary user who is root of a user namespace
// only (rootless.go). All that differs between the two is here.
type privileges interface {
	cgroups() *cgroup.System
	ids() ids

	// owners is the namespace by which mounts map the owners of files; nil when they
	// cannot.
	owners(userns *os.File) *os.File

	// overlay are the options of every overlay, key and value; a flag has no value.
	overlay() [][2]string

	// device makes a device that a sandbox can open, or the place for one.
	device(at int, path string, d device) error

	// setup and fit say what is different in a shell, and in a process.
	setup(*guest.Setup)
	fit(*specs.Spec)

	// usage and threads are those of everything in a sandbox.
	usage(*shell) (cgroup.Usage, error)
	threads(*shell) ([]int, error)
	meter(*shell) (slipway.Meter, error)
}

// device is one of those that every sandbox has.
type device struct {
	name         string
	major, minor uint32
}

func devices() []device {
	return []device{{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}}
}

func newPrivileges(cfg Config) (privileges, error) {
	if cfg.Rootless != nil {
		return newNamespaceRoot(*cfg.Rootless), nil
	}
	groups, err := cgroup.Detect()
	if err != nil {
		return nil, slipway.Errorf(slipway.ErrUnavailable, "%w", err)
	}
	return &machineRoot{groups, newIDPool(cfg.FirstID, cfg.IDs)}, nil
}

// machineRoot is root of the machine.
type machineRoot struct {
	groups *cgroup.System
	pool   *idPool
}

func (r *machineRoot) cgroups() *cgroup.System { return r.groups }

func (r *machineRoot) ids() ids { return r.pool }

func (*machineRoot) owners(userns *os.File) *os.File { return userns }

func (*machineRoot) overlay() [][2]string { return overlayFeatures() }

// device makes the node. The kernel lets it be used because the filesystem was made
// outside of the sandbox; inside none can be made.
func (*machineRoot) device(at int, path string, d device) error {
	return unix.Mknodat(at, path, unix.S_IFCHR|0o666, int(unix.Mkdev(d.major, d.minor)))
}

func (*machineRoot) setup(*guest.Setup) {}

func (*machineRoot) fit(*specs.Spec) {}

func (*machineRoot) usage(s *shell) (cgroup.Usage, error) { return s.group.Usage() }

func (*machineRoot) meter(s *shell) (slipway.Meter, error) { return s.group.NewMeter(s.process.pid) }

func (*machineRoot) threads(s *shell) ([]int, error) { return s.group.Threads() }

package sandbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/slipway-run/slipway"
)

// Sandbox is a shell that was given a root and a process; see [slipway.Sandbox].
type Sandbox struct {
	id     string
	native *Native
	shell  *shell
	oci    *specs.Spec
	root   *os.File // the root's mount, to look up paths in it

	container *container // when an OCI runtime executes the process, else nil

	done  chan struct{} // closed after exit and usage are set
	exit  slipway.Exit
	usage slipway.Usage

	close func() error

	// mu guards the fields below.
	mu      sync.Mutex
	started bool
	running bool           // a container's program was executed
	stdin   fileID         // of the process; zero when it is /dev/null
	standIn syscall.Signal // the signal in whose place SIGKILL was sent; see Signal
}

var (
	_ slipway.Metered = (*Sandbox)(nil)
	_ slipway.Lasting = (*Sandbox)(nil)
)

// create takes a shell and gives it a root and a process to come. A shell from the
// stock may have been killed unnoticed; then another takes its place.
func (n *Native) create(ctx context.Context, spec slipway.SandboxSpec) (*Sandbox, error) {
	for {
		sh, stocked, err := n.shells.take(ctx, n.kindOf(spec))
		if err != nil {
			return nil, err
		}
		s, err := n.furnish(ctx, sh, spec)
		if stocked && errors.Is(err, errInitDied) {
			continue
		}
		return s, err
	}
}

func (n *Native) kindOf(spec slipway.SandboxSpec) kind {
	if n.cfg.Egress != nil && spec.Network == slipway.NetworkEgress {
		return linked
	}
	return blank
}

// furnish makes a sandbox of a shell, whose group is limited meanwhile. On an error
// nothing is left of it.
func (n *Native) furnish(ctx context.Context, sh *shell, spec slipway.SandboxSpec) (*Sandbox, error) {
	s := &Sandbox{id: spec.ID, native: n, shell: sh, done: make(chan struct{})}
	s.close = sync.OnceValue(s.end)
	oci := ociSpec(spec, sh.firstID, nil) // the seccomp filter is in seal already
	n.privileges.fit(oci)
	limited := make(chan error, 1)
	go func() { limited <- sh.group.Limit(limitsOf(oci.Linux.Resources)) }()
	err := sh.scratch.fit(spec.EphemeralMB, oci.Hostname)
	if err == nil {
		err = s.enter(ctx, oci, spec)
	}
	if err = errors.Join(err, <-limited); err != nil {
		return nil, errors.Join(err, sh.close())
	}
	go s.watch()
	return s, nil
}

// letGoAfter is when what a sandbox was made of is closed. The kernel stops all
// processors for that (expedited RCU), so that it waits until most programs have started.
const letGoAfter = 20 * time.Millisecond

// trees are detached mounts for whoever attaches them.
type trees struct {
	files []*os.File // root, /dev, /dev/shm and the mounts of the specification
	parts []*os.File // what can be closed once they are attached
}

func (t trees) mounts() []*os.File { return t.files[3:] }

// open makes the root and opens the mounts. What can be closed is there on an error, too.
func (s *Sandbox) open(oci *specs.Spec, spec slipway.SandboxSpec) (trees, error) {
	owners := s.native.privileges.owners(s.shell.userns)
	fs, err := newRootfs(s.native.roots, spec.Layers, s.shell.scratch, owners)
	if err != nil {
		return trees{}, err
	}
	s.oci, s.root = oci, fs.root
	s.shell.undo.add(fs.root.Close)
	mounts, err := openMounts(bindMounts(oci), owners)
	err = cmp.Or(err, makeFolders(fs.root, spec.Folders, s.shell.firstID))
	return trees{
		files: append([]*os.File{fs.root, fs.dev, fs.shm}, mounts...),
		parts: slices.Concat(fs.parts, []*os.File{fs.dev, fs.shm}, mounts),
	}, err
}

// enter makes the root and has the shell make it its own.
func (s *Sandbox) enter(ctx context.Context, oci *specs.Spec, spec slipway.SandboxSpec) error {
	sh := s.shell
	t, err := s.open(oci, spec)
	defer func() { time.AfterFunc(letGoAfter, func() { closeAll(t.parts) }) }()
	if err != nil {
		return err
	}
	root, err := rootOf(oci, t.mounts())
	if err != nil {
		return err
	}
	root.Devices = s.native.setup.Devices
	program := root.Program()
	if err := sh.line.send(ctx, program, t.files); err != nil {
		return sh.explain(err)
	}
	sealing := sh.line.send(ctx, s.native.seal, nil) // it may be gone, and then has said why; Start reads the reply
	err = sh.line.reply(ctx, program)
	return sh.explain(cmp.Or(err, sealing))
}

// ID is the spec's.
func (s *Sandbox) ID() string { return s.id }

// Done is closed when the process has ended.
func (s *Sandbox) Done() <-chan struct{} { return s.done }

// Exit is how it ended.
func (s *Sandbox) Exit() slipway.Exit {
	select {
	case <-s.done:
		return s.exit
	default:
		return slipway.Exit{}
	}
}

// Usage is what the control group has counted.
func (s *Sandbox) Usage() (slipway.Usage, error) {
	select {
	case <-s.done:
		return s.usage, nil
	default:
		u, err := s.native.privileges.usage(s.shell)
		return slipway.Usage(u), err
	}
}

// Meter implements slipway.Metered.
func (s *Sandbox) Meter() (slipway.Meter, error) {
	m, err := s.native.privileges.meter(s.shell)
	if err != nil {
		return nil, kinded(fmt.Errorf("sandbox %s: %w", s.id, err))
	}
	return m, nil
}

// Freeze stops every process until Thaw.
func (s *Sandbox) Freeze(ctx context.Context) error { return s.whileAlive(ctx, s.shell.group.Freeze) }

// Thaw lets them run on.
func (s *Sandbox) Thaw(ctx context.Context) error { return s.whileAlive(ctx, s.shell.group.Thaw) }

// Reclaim moves memory to swap; see [cgroup.Group.Reclaim].
func (s *Sandbox) Reclaim(ctx context.Context) (freed int64, err error) {
	err = s.whileAlive(ctx, func(ctx context.Context) error {
		freed, err = s.shell.group.Reclaim(ctx)
		return err
	})
	return freed, err
}

// whileAlive does nothing for a sandbox that has ended, before or meanwhile.
func (s *Sandbox) whileAlive(ctx context.Context, f func(context.Context) error) error {
	err := f(ctx)
	if err == nil || s.shell.process.ended() {
		return nil
	}
	return kinded(fmt.Errorf("sandbox %s: %w", s.id, err))
}

// Close kills what runs and removes everything the sandbox owned.
func (s *Sandbox) Close() error { return s.close() }

func (s *Sandbox) end() error {
	err := s.kill()
	<-s.done
	err = errors.Join(err, s.shell.close())
	s.native.forget(s.id)
	if err != nil {
		return kinded(fmt.Errorf("close sandbox %s: %w", s.id, err))
	}
	return nil
}

func (s *Sandbox) kill() error {
	if s.container != nil {
		return s.killContainer()
	}
	return s.shell.kill()
}

// watch waits for the end and records how it was.
func (s *Sandbox) watch() {
	<-s.shell.process.done
	u, err := s.native.privileges.usage(s.shell)
	if err != nil {
		s.native.log.Warn("usage of a sandbox is lost", "instance", s.id, "err", err)
	}
	s.mu.Lock()
	standIn := s.standIn
	s.mu.Unlock()
	s.usage = slipway.Usage(u)
	s.exit = exitOf(s.shell.process, standIn, u.OOMKills)
	close(s.done)
}

package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/cgroup"
)

// Sandbox is a shell that was given a root and a process; see [slipway.Sandbox].
type Sandbox struct {
	id     string
	native *Native
	shell  *shell
	root   *os.File       // the root's mount, to look up paths in it
	limits *cgroup.Limits // to set when the init has made room; nil when they are set

	done  chan struct{} // closed after exit and usage are set
	exit  slipway.Exit
	usage slipway.Usage

	close func() error

	// mu guards the fields below.
	mu      sync.Mutex
	started bool
	stdin   fileID         // of the process; zero when it is /dev/null
	standIn syscall.Signal // the signal in whose place SIGKILL was sent; see Signal
}

var _ slipway.Sandbox = (*Sandbox)(nil)

// create takes a shell and gives it a network, a root and a process to come.
func (n *Native) create(ctx context.Context, spec slipway.SandboxSpec) (_ *Sandbox, err error) {
	sh, err := n.newShell(ctx)
	if err != nil {
		return nil, err
	}
	s := &Sandbox{id: spec.ID, native: n, shell: sh, done: make(chan struct{})}
	s.close = sync.OnceValue(s.end)
	defer func() {
		if err != nil {
			err = errors.Join(err, sh.close())
		}
	}()
	oci := ociSpec(spec, sh.firstID, nil) // the init has the seccomp filter already
	link, err := s.connect(ctx, spec)
	if err != nil {
		return nil, err
	}
	if err := s.limit(limitsOf(oci.Linux.Resources)); err != nil {
		return nil, err
	}
	own := scratch{firstID: sh.firstID, megabytes: spec.EphemeralMB, hostname: oci.Hostname, dns: link.DNS()}
	if err := s.enter(ctx, oci, spec.Layers, own); err != nil {
		return nil, err
	}
	go s.watch()
	return s, nil
}

// connect attaches the network namespace to the outside when the spec asks for it.
func (s *Sandbox) connect(ctx context.Context, spec slipway.SandboxSpec) (Link, error) {
	egress := s.native.cfg.Egress
	if egress == nil || spec.Network != slipway.NetworkEgress {
		return noLink{}, nil
	}
	link, err := egress.Attach(ctx, spec.ID, int(s.shell.netns.Fd()))
	if err != nil {
		return nil, fmt.Errorf("connect the network: %w", err)
	}
	s.shell.undo.add(link.Close)
	return link, nil
}

// limit sets the limits of the control group. Where they are too narrow for the init,
// Start sets them once it has gone.
func (s *Sandbox) limit(l cgroup.Limits) error {
	wide := widened(l)
	if wide != l {
		s.limits = &l
	}
	return s.shell.group.Limit(wide)
}

// enter makes the root and hands it to the init, with what is to run in it.
func (s *Sandbox) enter(ctx context.Context, oci *specs.Spec, layers []string, own scratch) error {
	fs, err := newRootfs(s.native.roots, layers, own, s.shell.userns)
	if err != nil {
		return err
	}
	s.root = fs.root
	s.shell.undo.add(fs.root.Close)
	defer fs.dev.Close()
	defer fs.shm.Close()
	mounts, err := openMounts(bindMounts(oci), s.shell.userns)
	defer closeAll(mounts)
	if err != nil {
		return err
	}
	message, err := rootMessage(oci, mounts)
	if err != nil {
		return err
	}
	return s.shell.explain(s.shell.line.ask(ctx, message, append([]*os.File{fs.root, fs.dev, fs.shm}, mounts...)...))
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
		u, err := s.shell.group.Usage()
		return slipway.Usage(u), err
	}
}

// Freeze stops every process until Thaw.
func (s *Sandbox) Freeze(ctx context.Context) error { return s.whileAlive(ctx, s.shell.group.Freeze) }

// Thaw lets them run on.
func (s *Sandbox) Thaw(ctx context.Context) error { return s.whileAlive(ctx, s.shell.group.Thaw) }

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
	err := s.shell.kill()
	<-s.done
	err = errors.Join(err, s.shell.close())
	s.native.forget(s.id)
	if err != nil {
		return kinded(fmt.Errorf("close sandbox %s: %w", s.id, err))
	}
	return nil
}

// watch waits for the end and records how it was.
func (s *Sandbox) watch() {
	<-s.shell.process.done
	u, err := s.shell.group.Usage()
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

// noLink is what a sandbox without egress has.
type noLink struct{}

func (noLink) DNS() []netip.Addr { return nil }
func (noLink) Close() error      { return nil }

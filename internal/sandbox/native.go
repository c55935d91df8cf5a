package sandbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/cgroup"
	"github.com/slipway-run/slipway/internal/sandbox/guest"
)

// Native is the runtime of this package, a [slipway.Launcher].
type Native struct {
	cfg     Config
	log     *slog.Logger
	cgroups *cgroup.System
	ids     ids
	spawner *spawner
	shells  *shells
	setup   guest.Setup    // the same for all shells
	seal    *guest.Program // seccomp, the same for all processes
	roots   assembler
	disks   *disks // nil keeps scratch in memory
	lock    *os.File

	privileges privileges

	// mu guards sandboxes. An entry is nil while its sandbox is being made.
	mu        sync.Mutex
	sandboxes map[string]*Sandbox
	closed    bool
	creating  sync.WaitGroup // one for each nil entry, while not closed
}

var _ slipway.Launcher = (*Native)(nil)

// New takes possession of the name: it is ErrConflict while another process has it.
func New(cfg Config, log *slog.Logger) (*Native, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	p, err := newPrivileges(cfg)
	if err != nil {
		return nil, err
	}
	shareNothing()
	setup, err := newSetup()
	if err != nil {
		return nil, err
	}
	p.setup(&setup)
	filter, err := newFilter()
	if err != nil {
		return nil, err
	}
	lock, err := takeLock(cfg.Dir)
	if err != nil {
		return nil, err
	}
	roots, err := newAssembler(p, log)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	disks, err := newScratchDisks(cfg)
	if err != nil {
		roots.close()
		return nil, errors.Join(err, lock.Close())
	}
	n := &Native{
		cfg: cfg, log: log, privileges: p, cgroups: p.cgroups(), ids: p.ids(), roots: roots, disks: disks,
		spawner: newSpawner(), setup: setup, seal: guest.Seal{Filter: filter}.Program(), lock: lock, sandboxes: map[string]*Sandbox{},
	}
	n.shells = newShells(cfg.Shells, cfg.Egress != nil, n.newShell, log)
	return n, nil
}

// takeLock holds a file locked as long as this process lives (flock(2)).
func takeLock(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the sandboxes: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the sandboxes: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, slipway.Errorf(slipway.ErrConflict, "another server holds %s: give this one a folder of its own, or stop the other: %w", f.Name(), err)
	}
	return f, nil
}

// Recover ends and removes what a dead owner of the same name left. Mounts, network
// namespaces and disks of a sandbox end with its processes; bundles of other runtimes do
// not, and are removed, too. It must be called before the first Create; from then on
// shells are kept in stock.
func (n *Native) Recover(ctx context.Context) error {
	names, err := n.cgroups.List(n.cfg.Name)
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range names {
		g := n.cgroups.Open(name)
		if err := g.Kill(ctx); err != nil {
			errs = append(errs, err)
			continue
		}
		errs = append(errs, g.Remove(ctx))
	}
	if len(names) > 0 {
		n.log.InfoContext(ctx, "removed the sandboxes of a dead server", "count", len(names))
	}
	errs = append(errs, n.recoverBundles(ctx))
	n.shells.start()
	return errors.Join(errs...)
}

// Close closes every sandbox and gives the name back. Nothing is left.
func (n *Native) Close() error {
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		return nil
	}
	n.closed = true
	n.mu.Unlock()
	n.creating.Wait()
	n.mu.Lock()
	open := slices.Collect(maps.Values(n.sandboxes))
	n.mu.Unlock()
	var errs []error
	for _, s := range open {
		errs = append(errs, s.Close())
	}
	n.shells.close()
	n.spawner.close()
	n.roots.close()
	errs = append(errs, n.closeBundles())
	ctx, cancel := context.WithTimeout(context.Background(), endTimeout)
	defer cancel()
	errs = append(errs, n.cgroups.Open(n.cfg.Name).Remove(ctx), n.lock.Close())
	return errors.Join(errs...)
}

// Create makes a sandbox; see [slipway.Launcher].
func (n *Native) Create(ctx context.Context, spec slipway.SandboxSpec) (slipway.Sandbox, error) {
	if spec.Isolation != "" && spec.Isolation != "native" {
		return nil, slipway.Errorf(slipway.ErrInvalid, "sandbox %s: isolation %q is not native", spec.ID, spec.Isolation)
	}
	return n.register(ctx, spec, n.create)
}

// register makes a sandbox under an id that no other has.
func (n *Native) register(ctx context.Context, spec slipway.SandboxSpec, create func(context.Context, slipway.SandboxSpec) (*Sandbox, error)) (slipway.Sandbox, error) {
	if err := checkSpec(spec); err != nil {
		return nil, err
	}
	if err := context.Cause(ctx); err != nil { // a shell from the stock is quicker than the context
		return nil, kinded(fmt.Errorf("create sandbox %s: %w", spec.ID, err))
	}
	if err := n.reserve(spec.ID); err != nil {
		return nil, err
	}
	defer n.creating.Done()
	s, err := create(ctx, spec)
	if err != nil {
		n.forget(spec.ID)
		return nil, kinded(fmt.Errorf("create sandbox %s: %w", spec.ID, err))
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sandboxes[spec.ID] = s
	return s, nil
}

// reserve takes an id for a sandbox.
func (n *Native) reserve(id string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return slipway.Errorf(slipway.ErrUnavailable, "create sandbox %s: the server is shutting down", id)
	}
	if _, taken := n.sandboxes[id]; taken {
		return slipway.Errorf(slipway.ErrConflict, "create sandbox %s: there is one of that id", id)
	}
	n.sandboxes[id] = nil
	n.creating.Add(1)
	return nil
}

func (n *Native) forget(id string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.sandboxes, id)
}

// kinded gives an error without a kind the one of a fault of the platform.
func kinded(err error) error {
	var e *slipway.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
		return &slipway.Error{Kind: e.Kind, Message: err.Error(), Cause: err}
	case errors.Is(err, context.DeadlineExceeded):
		return &slipway.Error{Kind: slipway.ErrTimeout, Message: err.Error(), Cause: err}
	case errors.Is(err, errors.ErrUnsupported):
		return &slipway.Error{Kind: slipway.ErrUnavailable, Message: err.Error(), Cause: err}
	default:
		return &slipway.Error{Kind: slipway.ErrInternal, Message: err.Error(), Cause: err}
	}
}

package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/cgroup"
)

// OCI makes sandboxes whose process an OCI runtime executes, such as runc or runsc: a
// [slipway.Launcher] for the isolation "oci:<runtime>".
//
// Such a sandbox is a shell as well: its user and network namespace, control group, link
// and root are made by this package, out of the same stock. Then the shell's init ends,
// and instead of it a runtime makes a container of what is there, with the namespaces
// that are left, by a bundle of the OCI runtime specification. So connections, limits,
// accounts and what a dead owner leaves are the same.
//
// Between the server and the runtime stands a process of package monitor, which is the
// parent of what the runtime executes and sees the root at a path. Bundles lie below
// /run, whose folders everyone may enter: the runtime goes there as root of the sandbox's
// user namespace, who is nobody on the host.
type OCI struct {
	native   *Native
	runtimes map[string]string
}

var _ slipway.Launcher = (*OCI)(nil)

// OCI gives the launcher of the other runtimes. It lives as long as n, which also
// recovers and closes its sandboxes; ids are unique among both. runtimes are binaries by
// name, beside those of [Runtimes].
func (n *Native) OCI(runtimes map[string]string) *OCI { return &OCI{n, runtimes} }

// Create makes a sandbox; see [slipway.Launcher].
func (o *OCI) Create(ctx context.Context, spec slipway.SandboxSpec) (slipway.Sandbox, error) {
	rt, err := findRuntime(spec.Isolation, o.runtimes)
	if err != nil {
		return nil, slipway.Errorf(slipway.ErrInvalid, "sandbox %s: %w", spec.ID, err)
	}
	if o.native.cfg.Rootless != nil {
		return nil, slipway.Errorf(slipway.ErrUnavailable, "sandbox %s: isolation %s needs a server that root runs; this one can do native", spec.ID, spec.Isolation)
	}
	return o.native.register(ctx, spec, func(ctx context.Context, spec slipway.SandboxSpec) (*Sandbox, error) {
		return o.native.contain(ctx, spec, rt)
	})
}

// contain takes a shell and makes a sandbox of it whose process is a runtime's. On an
// error nothing is left.
func (n *Native) contain(ctx context.Context, spec slipway.SandboxSpec, rt Runtime) (*Sandbox, error) {
	sh, _, err := n.shells.take(ctx, n.kindOf(spec))
	if err != nil {
		return nil, err
	}
	s := &Sandbox{id: spec.ID, native: n, shell: sh, done: make(chan struct{})}
	s.close = sync.OnceValue(s.end)
	oci := ociSpec(spec, sh.firstID, nil) // the seccomp profile is added at the start
	err = sh.scratch.fit(spec.EphemeralMB, oci.Hostname)
	if err == nil {
		err = s.enterContainer(ctx, rt, oci, spec)
	}
	if err != nil {
		return nil, errors.Join(err, sh.close())
	}
	go s.watch()
	return s, nil
}

// bundles is the folder of all bundles of this owner.
func (n *Native) bundles() string { return filepath.Join("/run", n.cfg.Name) }

func (n *Native) bundleOf(id string) string { return filepath.Join(n.bundles(), id) }

// recoverBundles removes what an owner that was killed left of its containers, whose
// processes have been killed.
func (n *Native) recoverBundles(ctx context.Context) error {
	found, err := os.ReadDir(n.bundles())
	if err != nil {
		if os.IsNotExist(err) {
			return nil
		}
		return fmt.Errorf("find the bundles of a dead server: %w", err)
	}
	var errs []error
	for _, e := range found {
		b := openBundle(filepath.Join(n.bundles(), e.Name()))
		if rt, err := b.runtime(); err == nil {
			if err := rt.delete(ctx, b); err != nil { // without the runtime its folders go all the same
				n.log.WarnContext(ctx, "a runtime did not delete its container", "instance", b.id(), "err", err)
			}
		}
		errs = append(errs, b.remove())
	}
	return errors.Join(append(errs, n.closeBundles())...)
}

// closeBundles removes what all containers of this owner had together. None is left.
func (n *Native) closeBundles() error {
	err := os.Remove(n.bundles())
	if os.IsNotExist(err) {
		return nil // there never was one
	}
	return errors.Join(err, cgroup.RemoveEverywhere(n.cfg.Name))
}

package sandbox

import (
	"fmt"
	"os"
	"strings"
	"unsafe"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/cgroup"
	"github.com/slipway-run/slipway/internal/sandbox/guest"
	"github.com/slipway-run/slipway/internal/sandbox/seccomp"
)

// From the OCI specification to what the init and the control group understand.

// newSetup makes the message that all sandboxes get. The seccomp filter is assembled
// here, once.
func newSetup() (guest.Setup, error) {
	profile, err := seccomp.Profile(capabilities())
	if err != nil {
		return guest.Setup{}, err
	}
	program, err := seccomp.Assemble(profile)
	if err != nil {
		return guest.Setup{}, err
	}
	blank := ociSpec(slipway.SandboxSpec{}, 0, profile)
	setup := guest.Setup{
		OOMScoreAdj: *blank.Process.OOMScoreAdj,
		Sysctl:      map[string]string{},
		Masked:      blank.Linux.MaskedPaths,
		ReadOnly:    blank.Linux.ReadonlyPaths,
	}
	for name, value := range blank.Linux.Sysctl {
		setup.Sysctl[strings.ReplaceAll(name, ".", "/")] = value
	}
	// bpf.RawInstruction has the fields and the layout of struct sock_filter.
	for _, i := range program {
		f := unix.SockFilter{Code: i.Op, Jt: i.Jt, Jf: i.Jf, K: i.K}
		setup.Filter = append(setup.Filter, unsafe.Slice((*byte)(unsafe.Pointer(&f)), unsafe.Sizeof(f))...)
	}
	return setup, nil
}

// rootMessage makes the second message; mounts are the bind mounts, in order.
func rootMessage(spec *specs.Spec, mounts []*os.File) (guest.Root, error) {
	p := spec.Process
	caps, err := capabilityBits(p.Capabilities.Bounding)
	if err != nil {
		return guest.Root{}, err
	}
	root := guest.Root{
		Hostname: spec.Hostname,
		Args:     p.Args, Env: p.Env, Dir: p.Cwd, User: p.User.Username,
		Caps: caps,
	}
	for i, m := range bindMounts(spec) {
		st, err := mounts[i].Stat()
		if err != nil {
			return guest.Root{}, fmt.Errorf("look at %s: %w", m.Source, err)
		}
		root.Mounts = append(root.Mounts, guest.Mount{Target: m.Destination, Dir: st.IsDir()})
	}
	for _, l := range p.Rlimits {
		number, ok := map[string]int{"RLIMIT_CORE": unix.RLIMIT_CORE, "RLIMIT_NOFILE": unix.RLIMIT_NOFILE}[l.Type]
		if !ok {
			return guest.Root{}, fmt.Errorf("resource limit %s is not one that a sandbox can have", l.Type)
		}
		root.Rlimits = append(root.Rlimits, guest.Rlimit{Resource: number, Soft: l.Soft, Hard: l.Hard})
	}
	return root, nil
}

func bindMounts(spec *specs.Spec) []specs.Mount {
	var out []specs.Mount
	for _, m := range spec.Mounts {
		if m.Type == "bind" {
			out = append(out, m)
		}
	}
	return out
}

// limitsOf are the limits of the control group.
func limitsOf(r *specs.LinuxResources) cgroup.Limits {
	var l cgroup.Limits
	if r.Memory != nil {
		l.Memory = *r.Memory.Limit
	}
	if r.CPU != nil {
		l.CPU = float64(*r.CPU.Quota) / float64(*r.CPU.Period)
	}
	if r.Pids != nil {
		l.PIDs = int(*r.Pids.Limit)
	}
	return l
}

// roomForInit is what the init may need before it executes the program: it is a Go
// program of several threads.
func roomForInit() cgroup.Limits { return cgroup.Limits{Memory: 64 << 20, PIDs: 32} }

// widened is l with room for the init.
func widened(l cgroup.Limits) cgroup.Limits {
	wide, room := l, roomForInit()
	if l.Memory > 0 {
		wide.Memory = max(l.Memory, room.Memory)
	}
	if l.PIDs > 0 {
		wide.PIDs = max(l.PIDs, room.PIDs)
	}
	return wide
}

package sandbox

import (
	"fmt"
	"os"
	"slices"
	"strconv"
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

// newSetup says what all shells have in common.
func newSetup() (guest.Setup, error) {
	blank := ociSpec(slipway.SandboxSpec{}, 0, nil)
	setup := guest.Setup{
		OOMScoreAdj: *blank.Process.OOMScoreAdj,
		Sysctl:      map[string]string{},
		Masked:      masksOf(blank.Linux.MaskedPaths),
		ReadOnly:    blank.Linux.ReadonlyPaths,
	}
	for name, value := range blank.Linux.Sysctl {
		setup.Sysctl[strings.ReplaceAll(name, ".", "/")] = value
	}
	var err error
	if setup.Caps, err = capabilityBits(blank.Process.Capabilities.Bounding); err != nil {
		return guest.Setup{}, err
	}
	setup.LastCap, err = lastCapability()
	return setup, err
}

// masksOf finds out what is there to be hidden. What a path of /proc or /sys is
// depends on the kernel alone.
func masksOf(paths []string) (masks []guest.Mask) {
	for _, p := range paths {
		if st, err := os.Lstat(p); err == nil {
			masks = append(masks, guest.Mask{Path: p, Dir: st.IsDir()})
		}
	}
	return masks
}

// lastCapability is the highest capability that this kernel knows (capabilities(7)).
func lastCapability() (int, error) {
	b, err := os.ReadFile("/proc/sys/kernel/cap_last_cap")
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(b)))
}

// newFilter assembles the seccomp program, as the kernel takes it.
func newFilter() ([]byte, error) {
	profile, err := seccomp.Profile(capabilities())
	if err != nil {
		return nil, err
	}
	program, err := seccomp.Assemble(profile)
	if err != nil {
		return nil, err
	}
	// bpf.RawInstruction has the fields and the layout of struct sock_filter.
	var filter []byte
	for _, i := range program {
		f := unix.SockFilter{Code: i.Op, Jt: i.Jt, Jf: i.Jf, K: i.K}
		filter = append(filter, unsafe.Slice((*byte)(unsafe.Pointer(&f)), unsafe.Sizeof(f))...)
	}
	return filter, nil
}

// rootOf says what the shell does to get its root; mounts are the bind mounts, in
// order.
func rootOf(spec *specs.Spec, mounts []*os.File) (guest.Root, error) {
	root := guest.Root{Hostname: spec.Hostname, Dir: spec.Process.Cwd}
	for i, m := range bindMounts(spec) {
		st, err := mounts[i].Stat()
		if err != nil {
			return guest.Root{}, fmt.Errorf("look at %s: %w", m.Source, err)
		}
		root.Mounts = append(root.Mounts, guest.Mount{Target: m.Destination, Dir: st.IsDir()})
	}
	return root, nil
}

// startOf says how the shell becomes the process. HOME and PATH are added to the
// environment when they are missing.
func startOf(p *specs.Process, id guest.Identity) (guest.Start, error) {
	if len(p.Args) == 0 || p.Args[0] == "" {
		return guest.Start{}, slipway.Errorf(slipway.ErrInvalid, "exec: no program is named: the image has no entrypoint and the configuration no command")
	}
	caps, err := capabilityBits(p.Capabilities.Bounding)
	if err != nil {
		return guest.Start{}, err
	}
	start := guest.Start{Args: p.Args, Env: slices.Clone(p.Env), Dir: p.Cwd, Identity: id, Caps: caps}
	path, ok := variable(start.Env, "PATH")
	if !ok {
		path = guest.DefaultPath
		start.Env = append(start.Env, "PATH="+path)
	}
	if _, ok := variable(start.Env, "HOME"); !ok {
		start.Env = append(start.Env, "HOME="+id.Home)
	}
	start.Candidates = guest.Candidates(p.Args[0], path)
	for _, l := range p.Rlimits {
		number, ok := rlimitNumber(l.Type)
		if !ok {
			return guest.Start{}, fmt.Errorf("resource limit %s is not one that a sandbox can have", l.Type)
		}
		start.Rlimits = append(start.Rlimits, guest.Rlimit{Resource: number, Soft: l.Soft, Hard: l.Hard})
	}
	return start, nil
}

// rlimitNumber is how the kernel calls a resource limit.
func rlimitNumber(name string) (n int, ok bool) {
	n, ok = map[string]int{
		"RLIMIT_CORE": unix.RLIMIT_CORE, "RLIMIT_NOFILE": unix.RLIMIT_NOFILE, "RLIMIT_NPROC": unix.RLIMIT_NPROC,
		"RLIMIT_MSGQUEUE": unix.RLIMIT_MSGQUEUE, "RLIMIT_MEMLOCK": unix.RLIMIT_MEMLOCK,
		"RLIMIT_SIGPENDING": unix.RLIMIT_SIGPENDING, "RLIMIT_NICE": unix.RLIMIT_NICE, "RLIMIT_RTPRIO": unix.RLIMIT_RTPRIO,
	}[name]
	return n, ok
}

// variable finds the value that counts: the last.
func variable(env []string, name string) (string, bool) {
	for _, e := range slices.Backward(env) {
		if k, v, ok := strings.Cut(e, "="); ok && k == name {
			return v, true
		}
	}
	return "", false
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
	if r.CPU != nil && r.CPU.Quota != nil {
		l.CPU = float64(*r.CPU.Quota) / float64(*r.CPU.Period)
	}
	l.Background = r.CPU != nil && r.CPU.Idle != nil && *r.CPU.Idle == 1
	if r.Pids != nil {
		l.PIDs = int(*r.Pids.Limit)
	}
	return l
}

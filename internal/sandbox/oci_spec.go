package sandbox

import (
	"os"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway/internal/sandbox/guest"
	"github.com/slipway-run/slipway/internal/sandbox/seccomp"
)

// containerSpec completes the specification of a sandbox for a runtime that knows nothing
// but it: where the mounts are, which namespaces and control group exist already, whom to
// become, and the seccomp profile. Memory is limited with swap by us, because not every
// kernel counts swap, and a runtime then refuses; and we put it in the background, which
// not every runtime can.
func (s *Sandbox) containerSpec(c *container, m guest.Start) (*specs.Spec, error) {
	profile, err := seccomp.Profile(capabilities())
	if err != nil {
		return nil, err
	}
	spec, process, linux := *s.oci, *s.oci.Process, *s.oci.Linux
	spec.Process, spec.Linux = &process, &linux
	spec.Version = "1.0.2" // which has all that is used here: an older runtime refuses a newer one
	spec.Root = &specs.Root{Path: c.bundle.root()}
	spec.Mounts = c.bundle.mountsOf(spec.Mounts, c.noexec)
	process.Args, process.Env, process.Cwd = m.Args, m.Env, m.Dir
	process.User = specs.User{UID: uint32(m.Identity.UID), GID: uint32(m.Identity.GID)}
	for _, g := range m.Identity.Groups {
		process.User.AdditionalGids = append(process.User.AdditionalGids, uint32(g))
	}
	linux.Seccomp = seccomp.WithoutRanges(profile)
	linux.CgroupsPath = "/" + s.shell.group.Name()
	linux.Namespaces = c.bundle.namespaces(linux.Namespaces, !c.runtime.isSentry())
	if r := *linux.Resources; r.Memory != nil {
		r.Memory = &specs.LinuxMemory{Limit: r.Memory.Limit}
		linux.Resources = &r
	}
	if r := *linux.Resources; r.CPU != nil && r.CPU.Idle != nil {
		cpu := *r.CPU
		cpu.Idle = nil
		r.CPU = &cpu
		linux.Resources = &r
	}
	return &spec, nil
}

// namespaces names those that the shell leaves. The network namespace belongs to the user
// namespace: that is what lets a container that enters both mount /sys and set what ports
// are privileged.
func (b bundle) namespaces(all []specs.LinuxNamespace, enterUser bool) []specs.LinuxNamespace {
	out := slices.Clone(all)
	for i := range out {
		switch out[i].Type {
		case specs.UserNamespace:
			if enterUser {
				out[i].Path = b.userns()
			}
		case specs.NetworkNamespace:
			out[i].Path = b.netns()
		}
	}
	return out
}

// mountsOf exchanges what has a place in the bundle for a bind mount from there. What is
// attached there has its owners mapped and its attributes set; a user namespace cannot
// take an attribute away, and so each one is named again. noexec are the attributes that
// the mounts of the specification have beside the ones it asks for.
func (b bundle) mountsOf(mounts []specs.Mount, noexec []bool) (out []specs.Mount) {
	binds := 0
	for _, m := range mounts {
		switch {
		case m.Type == "bind":
			options := slices.DeleteFunc(slices.Clone(m.Options), func(o string) bool { return o == "idmap" })
			if noexec[binds] {
				options = append(options, "noexec")
			}
			m.Source, m.Options = b.mount(binds), options
			binds++
		case m.Destination == "/dev":
			m = specs.Mount{Destination: "/dev", Type: "bind", Source: b.dev(), Options: []string{"bind", "nosuid", "noexec"}}
		case m.Destination == "/dev/shm":
			m = specs.Mount{Destination: "/dev/shm", Type: "bind", Source: b.shm(), Options: []string{"bind", "nosuid", "nodev", "noexec"}}
		}
		out = append(out, m)
	}
	return out
}

// noexecOf says which mounts programs cannot be executed from.
func noexecOf(mounts []*os.File) ([]bool, error) {
	out := make([]bool, len(mounts))
	for i, m := range mounts {
		var st unix.Statfs_t
		if err := unix.Fstatfs(int(m.Fd()), &st); err != nil {
			return nil, os.NewSyscallError("fstatfs", err)
		}
		out[i] = st.Flags&unix.ST_NOEXEC != 0
	}
	return out, nil
}

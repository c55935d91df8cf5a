package sandbox

import (
	"cmp"
	"fmt"
	"math/bits"
	"path"
	"path/filepath"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway"
)

// checkSpec refuses what cannot become a sandbox, before anything is made.
func checkSpec(s slipway.SandboxSpec) error {
	switch {
	case !isName(s.ID):
		return slipway.Errorf(slipway.ErrInvalid, "sandbox id %q: it must be 1 to 63 letters a-z, digits and hyphens", s.ID)
	case len(s.Layers) == 0:
		return slipway.Errorf(slipway.ErrInvalid, "sandbox %s: the image has no layers", s.ID)
	case s.CPU < 0 || s.MemoryMB < 0 || s.EphemeralMB < 0 || s.PIDs < 0 || s.OpenFiles < 0:
		return slipway.Errorf(slipway.ErrInvalid, "sandbox %s: a limit cannot be negative", s.ID)
	case s.Dir != "" && !path.IsAbs(s.Dir):
		return slipway.Errorf(slipway.ErrInvalid, "sandbox %s: working directory %q must start with a slash", s.ID, s.Dir)
	}
	for _, folder := range s.Folders {
		if !path.IsAbs(folder) || path.Clean(folder) != folder || folder == "/" {
			return slipway.Errorf(slipway.ErrInvalid, "sandbox %s: folder %q must be a clean absolute path below the root", s.ID, folder)
		}
	}
	for _, m := range s.Mounts {
		if !filepath.IsAbs(m.Source) || !path.IsAbs(m.Target) || path.Clean(m.Target) == "/" {
			return slipway.Errorf(slipway.ErrInvalid, "sandbox %s: mount of %q on %q: both must be absolute, and the target below the root", s.ID, m.Source, m.Target)
		}
	}
	return nil
}

// capabilities are what root in a sandbox can do to its own files and processes:
// Docker's list without device nodes, raw sockets, chroot, file capabilities and the
// audit log. A user other than root has none.
func capabilities() []string {
	return []string{
		"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL",
		"CAP_NET_BIND_SERVICE", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID",
	}
}

// ociSpec says what a sandbox is in the words of the OCI runtime specification: what
// the native runtime follows, and what an OCI runtime can be given. The root is a
// detached mount here and has no path; User is in Username until the image's files
// can be read to look it up.
func ociSpec(s slipway.SandboxSpec, firstID uint32, profile *specs.LinuxSeccomp) *specs.Spec {
	ids := []specs.LinuxIDMapping{{ContainerID: 0, HostID: firstID, Size: idsPerSandbox}}
	return &specs.Spec{
		Version:  specs.Version,
		Hostname: orDefault(s.Hostname, s.ID),
		Root:     &specs.Root{},
		Mounts:   append(systemMounts(), userMounts(s.Mounts)...),
		Process: &specs.Process{
			Args: s.Args, Env: s.Env, Cwd: path.Clean(orDefault(s.Dir, "/")),
			User:            specs.User{Username: s.User},
			Capabilities:    &specs.LinuxCapabilities{Bounding: capabilities(), Effective: capabilities(), Permitted: capabilities()},
			Rlimits:         rlimits(s),
			NoNewPrivileges: true,
			OOMScoreAdj:     new(oomScoreAdj),
		},
		Linux: &specs.Linux{
			UIDMappings: ids, GIDMappings: ids,
			Namespaces:    namespaces(),
			Resources:     resources(s),
			Seccomp:       profile,
			Sysctl:        sysctls(),
			MaskedPaths:   maskedPaths(),
			ReadonlyPaths: readOnlyPaths(),
		},
	}
}

// oomScoreAdj makes the kernel take a sandbox before the server when the machine has
// no memory left.
const oomScoreAdj = 500

func namespaces() []specs.LinuxNamespace {
	return []specs.LinuxNamespace{
		{Type: specs.MountNamespace}, {Type: specs.PIDNamespace}, {Type: specs.NetworkNamespace}, {Type: specs.IPCNamespace},
		{Type: specs.UTSNamespace}, {Type: specs.CgroupNamespace}, {Type: specs.UserNamespace},
	}
}

func systemMounts() []specs.Mount {
	return []specs.Mount{
		{Destination: "/proc", Type: "proc", Source: "proc", Options: []string{"nosuid", "nodev", "noexec"}},
		{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "noexec", "mode=755"}},
		{Destination: "/dev/pts", Type: "devpts", Source: "devpts", Options: []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
		{Destination: "/dev/shm", Type: "tmpfs", Source: "shm", Options: []string{"nosuid", "nodev", "noexec", "mode=1777"}},
		{Destination: "/sys", Type: "sysfs", Source: "sysfs", Options: []string{"nosuid", "nodev", "noexec", "ro"}},
	}
}

func userMounts(mounts []slipway.Mount) []specs.Mount {
	var out []specs.Mount
	for _, m := range mounts {
		options := []string{"bind", "nosuid", "nodev", "idmap"}
		if m.ReadOnly {
			options = append(options, "ro")
		}
		out = append(out, specs.Mount{Destination: path.Clean(m.Target), Type: "bind", Source: m.Source, Options: options})
	}
	return out
}

func resources(s slipway.SandboxSpec) *specs.LinuxResources {
	r := &specs.LinuxResources{}
	if s.MemoryMB > 0 {
		bytes := int64(s.MemoryMB) << 20
		r.Memory = &specs.LinuxMemory{Limit: &bytes, Swap: &bytes}
	}
	if s.CPU > 0 {
		r.CPU = &specs.LinuxCPU{Quota: new(int64(s.CPU * cpuPeriod)), Period: new(uint64(cpuPeriod))}
	}
	if s.Background {
		r.CPU = cmp.Or(r.CPU, &specs.LinuxCPU{})
		r.CPU.Idle = new(int64(1))
	}
	if s.PIDs > 0 {
		r.Pids = &specs.LinuxPids{Limit: new(int64(s.PIDs))}
	}
	return r
}

const cpuPeriod = 100_000 // µs, the kernel's default

// sysctls let a user other than root listen on port 80, and ping.
func sysctls() map[string]string {
	return map[string]string{"net.ipv4.ip_unprivileged_port_start": "0", "net.ipv4.ping_group_range": "0 65535"}
}

// maskedPaths tell about the host, or reach its hardware.
func maskedPaths() []string {
	return []string{
		"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug", "/proc/scsi",
		"/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware", "/sys/fs/selinux",
	}
}

func readOnlyPaths() []string {
	return []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}
}

// capabilityBits is a set of capabilities as capget(2) has it.
func capabilityBits(names []string) (uint64, error) {
	known := map[string]uint{
		"CAP_CHOWN": unix.CAP_CHOWN, "CAP_DAC_OVERRIDE": unix.CAP_DAC_OVERRIDE, "CAP_FOWNER": unix.CAP_FOWNER,
		"CAP_FSETID": unix.CAP_FSETID, "CAP_KILL": unix.CAP_KILL, "CAP_NET_BIND_SERVICE": unix.CAP_NET_BIND_SERVICE,
		"CAP_SETGID": unix.CAP_SETGID, "CAP_SETPCAP": unix.CAP_SETPCAP, "CAP_SETUID": unix.CAP_SETUID,
	}
	var set uint64
	for _, name := range names {
		c, ok := known[name]
		if !ok {
			return 0, fmt.Errorf("capability %s is not one that a sandbox can hold", name)
		}
		set |= 1 << c
	}
	if bits.OnesCount64(set) != len(names) {
		return 0, fmt.Errorf("capabilities %s: one is named twice", strings.Join(names, " "))
	}
	return set, nil
}

// isName says whether s is 1 to 63 letters a-z, digits and hyphens. It is no regular
// expression because one would be compiled in every init, too.
func isName(s string) bool {
	const allowed = "abcdefghijklmnopqrstuvwxyz0123456789-"
	return len(s) >= 1 && len(s) <= 63 && strings.Trim(s, allowed) == ""
}

func orDefault(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

package seccomp_test

import (
	"encoding/binary"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway/internal/sandbox/seccomp"
)

const (
	allow  = uint32(unix.SECCOMP_RET_ALLOW)
	eperm  = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	enosys = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
	kill   = uint32(unix.SECCOMP_RET_KILL_PROCESS)
)

// machine runs a program as the kernel would.
type machine struct {
	t  *testing.T
	vm *bpf.VM
}

func load(t *testing.T, p *specs.LinuxSeccomp) machine {
	t.Helper()
	raw, err := seccomp.Assemble(p)
	if err != nil {
		t.Fatal(err)
	}
	program, ok := bpf.Disassemble(raw)
	if !ok {
		t.Fatal("the program has instructions that are not known")
	}
	vm, err := bpf.NewVM(program)
	if err != nil {
		t.Fatal(err)
	}
	return machine{t, vm}
}

// call gives the verdict on a system call. The machine of x/net/bpf reads words in
// network order, so struct seccomp_data is written in it.
func (m machine) call(arch uint32, nr uintptr, args ...uint64) uint32 {
	m.t.Helper()
	var data [64]byte
	binary.BigEndian.PutUint32(data[0:], uint32(nr))
	binary.BigEndian.PutUint32(data[4:], arch)
	for i, a := range args {
		binary.BigEndian.PutUint32(data[16+8*i:], uint32(a))
		binary.BigEndian.PutUint32(data[20+8*i:], uint32(a>>32))
	}
	v, err := m.vm.Run(data[:])
	if err != nil {
		m.t.Fatal(err)
	}
	return uint32(v)
}

func TestDefaultProfile(t *testing.T) {
	p, err := seccomp.Profile([]string{"CAP_CHOWN", "CAP_SETUID"})
	if err != nil {
		t.Fatal(err)
	}
	m := load(t, p)
	tests := []struct {
		name string
		nr   uintptr
		args []uint64
		want uint32
	}{
		{"read", unix.SYS_READ, nil, allow},
		{"execve", unix.SYS_EXECVE, nil, allow},
		{"mount", unix.SYS_MOUNT, nil, eperm},
		{"bpf", unix.SYS_BPF, nil, eperm},
		{"keyctl", unix.SYS_KEYCTL, nil, eperm},
		{"unshare", unix.SYS_UNSHARE, nil, eperm},
		{"setns", unix.SYS_SETNS, nil, eperm},
		{"chroot without its capability", unix.SYS_CHROOT, nil, eperm},
		{"a thread", unix.SYS_CLONE, []uint64{unix.CLONE_VM | unix.CLONE_THREAD}, allow},
		{"a user namespace", unix.SYS_CLONE, []uint64{unix.CLONE_NEWUSER}, eperm},
		{"clone3, so that the C library takes clone", unix.SYS_CLONE3, nil, enosys},
		{"an internet socket", unix.SYS_SOCKET, []uint64{unix.AF_INET}, allow},
		{"AF_ALG", unix.SYS_SOCKET, []uint64{unix.AF_ALG}, eperm},
		{"AF_ALG behind high bits", unix.SYS_SOCKET, []uint64{1<<32 | unix.AF_ALG}, eperm},
		{"AF_VSOCK", unix.SYS_SOCKET, []uint64{unix.AF_VSOCK}, eperm},
		{"personality 0", unix.SYS_PERSONALITY, []uint64{0}, allow},
		{"personality query", unix.SYS_PERSONALITY, []uint64{0xffffffff}, allow},
		{"personality query as a sign-extended int", unix.SYS_PERSONALITY, []uint64{^uint64(0)}, allow},
		{"personality ADDR_NO_RANDOMIZE", unix.SYS_PERSONALITY, []uint64{0x0040000}, eperm},
		{"a call newer than the profile", 1000, nil, enosys},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := m.call(unix.AUDIT_ARCH_X86_64, tt.nr, tt.args...); got != tt.want {
				t.Errorf("verdict %#x, want %#x", got, tt.want)
			}
		})
	}
	t.Run("32 bit code", func(t *testing.T) {
		if got := m.call(unix.AUDIT_ARCH_I386, unix.SYS_READ); got != kill {
			t.Errorf("verdict %#x, want %#x", got, kill)
		}
	})
	t.Run("x32", func(t *testing.T) {
		if got := m.call(unix.AUDIT_ARCH_X86_64, 0x40000000|unix.SYS_READ); got != enosys {
			t.Errorf("verdict %#x, want %#x", got, enosys)
		}
	})
}

func TestComparisons(t *testing.T) {
	const big = uint64(5) << 32
	tests := []struct {
		op        specs.LinuxSeccompOperator
		value     uint64
		two       uint64
		hold, not []uint64
	}{
		{specs.OpEqualTo, big | 7, 0, []uint64{big | 7}, []uint64{7, big, big | 8}},
		{specs.OpNotEqual, big | 7, 0, []uint64{7, big, big | 8}, []uint64{big | 7}},
		{specs.OpLessThan, big | 7, 0, []uint64{0, 9, big | 6}, []uint64{big | 7, big | 8, 6 << 32}},
		{specs.OpLessEqual, big | 7, 0, []uint64{0, 9, big | 7}, []uint64{big | 8, 6 << 32}},
		{specs.OpGreaterThan, big | 7, 0, []uint64{big | 8, 6 << 32}, []uint64{0, 9, big | 7}},
		{specs.OpGreaterEqual, big | 7, 0, []uint64{big | 7, big | 8, 6 << 32}, []uint64{0, 9, big | 6}},
		{specs.OpMaskedEqual, big | 0xf0, 0x20, []uint64{0x20, 0x2f, 2<<32 | 0x20}, []uint64{0x30, big | 0x20, 0}},
	}
	for _, tt := range tests {
		t.Run(string(tt.op), func(t *testing.T) {
			m := load(t, &specs.LinuxSeccomp{
				DefaultAction: specs.ActErrno,
				Syscalls: []specs.LinuxSyscall{{
					Names: []string{"lseek"}, Action: specs.ActAllow,
					Args: []specs.LinuxSeccompArg{
						{Index: 0, Op: specs.OpEqualTo, Value: 1},
						{Index: 1, Op: tt.op, Value: tt.value, ValueTwo: tt.two},
					},
				}},
			})
			for _, v := range tt.hold {
				if got := m.call(unix.AUDIT_ARCH_X86_64, unix.SYS_LSEEK, 1, v); got != allow {
					t.Errorf("%#x: verdict %#x, want %#x", v, got, allow)
				}
				if got := m.call(unix.AUDIT_ARCH_X86_64, unix.SYS_LSEEK, 2, v); got != eperm {
					t.Errorf("%#x with another first argument: verdict %#x, want %#x", v, got, eperm)
				}
			}
			for _, v := range tt.not {
				if got := m.call(unix.AUDIT_ARCH_X86_64, unix.SYS_LSEEK, 1, v); got != eperm {
					t.Errorf("%#x: verdict %#x, want %#x", v, got, eperm)
				}
			}
		})
	}
}

func TestProfileThatCannotBeDone(t *testing.T) {
	profiles := map[string]*specs.LinuxSeccomp{
		"action":     {DefaultAction: specs.ActTrace},
		"comparison": {DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{{Names: []string{"read"}, Action: specs.ActAllow, Args: []specs.LinuxSeccompArg{{Op: "?"}}}}},
		"argument":   {DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{{Names: []string{"read"}, Action: specs.ActAllow, Args: []specs.LinuxSeccompArg{{Index: 6, Op: specs.OpEqualTo}}}}},
	}
	for name, p := range profiles {
		t.Run(name, func(t *testing.T) {
			if _, err := seccomp.Assemble(p); err == nil {
				t.Error("assembled")
			}
		})
	}
}

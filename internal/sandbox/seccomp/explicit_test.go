package seccomp_test

import (
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway/internal/sandbox/seccomp"
)

// TestWithoutRanges asks the rules as libseccomp does: 64 bits are compared.
func TestWithoutRanges(t *testing.T) {
	profile, err := seccomp.Profile(nil)
	if err != nil {
		t.Fatal(err)
	}
	rules := seccomp.WithoutRanges(profile).Syscalls
	for family, want := range map[uint64]bool{
		unix.AF_UNIX: true, unix.AF_INET: true, unix.AF_INET6: true, unix.AF_NETLINK: true, unix.AF_IB - 1: true,
		unix.AF_ALG + 1: true, unix.AF_VSOCK + 1: true, unix.AF_MAX - 1: true,
		unix.AF_ALG: false, unix.AF_VSOCK: false, unix.AF_MAX: false, 1<<32 | unix.AF_ALG: false, 1<<32 | unix.AF_VSOCK: false,
	} {
		if got := allowsSocket(t, rules, family); got != want {
			t.Errorf("socket(%#x) is allowed: %v", family, got)
		}
	}
	if len(profile.Syscalls) >= len(rules) {
		t.Error("the profile itself was changed")
	}
}

func allowsSocket(t *testing.T, rules []specs.LinuxSyscall, family uint64) bool {
	t.Helper()
	for _, rule := range rules {
		if len(rule.Names) != 1 || rule.Names[0] != "socket" || rule.Action != specs.ActAllow {
			continue
		}
		if len(rule.Args) != 1 || rule.Args[0].Op != specs.OpEqualTo {
			t.Fatalf("a rule of socket is no equality: %+v", rule)
		}
		if rule.Args[0].Value == family {
			return true
		}
	}
	return false
}

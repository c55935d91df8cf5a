package seccomp

import (
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// WithoutRanges is a profile for those who compare arguments in 64 bits, as libseccomp
// does, with which runc and crun assemble. The profile allows socket(2) for the address
// families "less than 38", "39" and "more than 40", to keep AF_ALG (38) and AF_VSOCK (40)
// from a process. But the kernel takes 32 bits of the number, so that 1<<32 + 38 is more
// than 40 to the filter, and AF_ALG to the kernel. So each family is named instead.
func WithoutRanges(p *specs.LinuxSeccomp) *specs.LinuxSeccomp {
	out := *p
	out.Syscalls = nil
	for _, rule := range p.Syscalls {
		if !isRange(rule) {
			out.Syscalls = append(out.Syscalls, rule)
			continue
		}
		for family := range uint64(unix.AF_MAX) {
			if arg := rule.Args[0]; arg.Op == specs.OpLessThan == (family < arg.Value) && family != arg.Value {
				named := rule
				named.Args = []specs.LinuxSeccompArg{{Index: arg.Index, Value: family, Op: specs.OpEqualTo}}
				out.Syscalls = append(out.Syscalls, named)
			}
		}
	}
	return &out
}

// isRange says whether a rule allows socket(2) for a range of families.
func isRange(rule specs.LinuxSyscall) bool {
	return slices.Equal(rule.Names, []string{"socket"}) && len(rule.Args) == 1 &&
		(rule.Args[0].Op == specs.OpLessThan || rule.Args[0].Op == specs.OpGreaterThan)
}

package seccomp

import (
	"fmt"
	"maps"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Offsets in struct seccomp_data (linux/seccomp.h); an argument is 64 bits, its low
// half first on the architectures that there are tables for.
const (
	offsetNr   = 0
	offsetArch = 4
	offsetArgs = 16
)

// maxProgram is the kernel's bound, BPF_MAXINSNS.
const maxProgram = 4096

// Assemble makes the program of a profile.
func Assemble(p *specs.LinuxSeccomp) ([]bpf.RawInstruction, error) {
	otherwise, err := verdict(p.DefaultAction, p.DefaultErrnoRet)
	if err != nil {
		return nil, fmt.Errorf("seccomp: default action: %w", err)
	}
	rules, err := collect(p)
	if err != nil {
		return nil, fmt.Errorf("seccomp: %w", err)
	}
	program := prologue()
	program = append(program, walk(rules, otherwise)...)
	raw, err := bpf.Assemble(program)
	if err != nil {
		return nil, fmt.Errorf("seccomp: %w", err)
	}
	if len(raw) > maxProgram {
		return nil, fmt.Errorf("seccomp: the profile makes %d instructions, the kernel takes %d", len(raw), maxProgram)
	}
	return raw, nil
}

// prologue turns away what is not of this architecture and leaves the number of the
// call in the accumulator.
func prologue() []bpf.Instruction {
	return []bpf.Instruction{
		bpf.LoadAbsolute{Off: offsetArch, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: nativeArch, SkipTrue: 1},
		bpf.RetConstant{Val: unix.SECCOMP_RET_KILL_PROCESS},
		bpf.LoadAbsolute{Off: offsetNr, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpBitsNotSet, Val: foreignBit, SkipTrue: 1},
		bpf.RetConstant{Val: unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)},
	}
}

// rule is what happens to one call: the first alternative whose conditions all hold
// decides. One without conditions ends the list.
type rule []alternative

type alternative struct {
	conditions []condition
	verdict    uint32
}

// collect sorts the profile's entries by the number of the call.
func collect(p *specs.LinuxSeccomp) (map[uint32]rule, error) {
	rules := map[uint32]rule{}
	for _, entry := range p.Syscalls {
		v, err := verdict(entry.Action, entry.ErrnoRet)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", entry.Names, err)
		}
		for _, name := range entry.Names {
			nr, ok := number(name)
			if !ok {
				continue
			}
			conditions, err := conditionsOf(name, entry.Args)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			rules[nr] = append(rules[nr], alternative{conditions, v})
		}
	}
	for nr, r := range rules {
		rules[nr] = r.simplify()
	}
	return rules, nil
}

// simplify lets an alternative without conditions stand alone when there is one: it
// holds whatever the others say, as in libseccomp.
func (r rule) simplify() rule {
	for _, a := range r {
		if len(a.conditions) == 0 {
			return rule{a}
		}
	}
	return r
}

// walk makes the part of the program that finds the run of numbers a call is in.
func walk(rules map[uint32]rule, otherwise uint32) []bpf.Instruction {
	numbers := slices.Sorted(maps.Keys(rules))
	var out []bpf.Instruction
	next := uint32(0) // numbers below it are decided
	for i := 0; i < len(numbers); {
		nr := numbers[i]
		if nr > next { // a gap that the profile does not name
			out = append(out, run(nr, ret(otherwise))...)
		}
		body, n := ret(rules[nr][0].verdict), 1
		if rules[nr].plain() {
			for i+n < len(numbers) && numbers[i+n] == nr+uint32(n) && rules[numbers[i+n]].plain() && rules[numbers[i+n]][0].verdict == rules[nr][0].verdict {
				n++
			}
		} else {
			body = rules[nr].body(otherwise)
		}
		next = nr + uint32(n)
		out = append(out, run(next, body)...)
		i += n
	}
	return append(out, ret(unix.SECCOMP_RET_ERRNO|uint32(unix.ENOSYS))...) // newer than the profile
}

// run does body for a number below end.
func run(end uint32, body []bpf.Instruction) []bpf.Instruction {
	return append([]bpf.Instruction{
		bpf.JumpIf{Cond: bpf.JumpLessThan, Val: end, SkipFalse: uint8(len(body))},
	}, body...)
}

func (r rule) plain() bool { return len(r[0].conditions) == 0 }

func (r rule) body(otherwise uint32) []bpf.Instruction {
	var out []bpf.Instruction
	for _, a := range r {
		out = append(out, a.body()...)
	}
	return append(out, ret(otherwise)...)
}

// body is the tests, each of which jumps over the rest when it does not hold, and
// then the verdict.
func (a alternative) body() []bpf.Instruction {
	out := ret(a.verdict)
	for _, c := range slices.Backward(a.conditions) {
		out = append(c.test(len(out)), out...)
	}
	return out
}

func ret(v uint32) []bpf.Instruction { return []bpf.Instruction{bpf.RetConstant{Val: v}} }

// verdict is the kernel's word for an action.
func verdict(action specs.LinuxSeccompAction, errno *uint) (uint32, error) {
	switch action {
	case specs.ActAllow:
		return unix.SECCOMP_RET_ALLOW, nil
	case specs.ActErrno:
		if errno == nil {
			return unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM), nil
		}
		return unix.SECCOMP_RET_ERRNO | uint32(*errno)&unix.SECCOMP_RET_DATA, nil
	case specs.ActKill, specs.ActKillProcess:
		return unix.SECCOMP_RET_KILL_PROCESS, nil
	case specs.ActKillThread:
		return unix.SECCOMP_RET_KILL_THREAD, nil
	case specs.ActLog:
		return unix.SECCOMP_RET_LOG, nil
	default:
		return 0, fmt.Errorf("the action %q cannot be done here", action)
	}
}

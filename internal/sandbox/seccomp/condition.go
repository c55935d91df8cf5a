package seccomp

import (
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/net/bpf"
)

// condition compares one argument of a call.
type condition struct {
	arg    uint
	op     specs.LinuxSeccompOperator
	value  uint64
	mask   uint64 // all ones but for a masked comparison
	narrow bool   // only the low 32 bits count
}

func conditionsOf(name string, args []specs.LinuxSeccompArg) ([]condition, error) {
	var out []condition
	for _, a := range args {
		if a.Index > 5 {
			return nil, fmt.Errorf("a system call has no argument %d", a.Index)
		}
		c := condition{arg: a.Index, op: a.Op, value: a.Value, mask: ^uint64(0), narrow: intArg(name, a.Index)}
		switch a.Op {
		case specs.OpMaskedEqual: // the specification's Value is the mask, ValueTwo what must be left
			c.op, c.mask, c.value = specs.OpEqualTo, a.Value, a.ValueTwo
		case specs.OpEqualTo, specs.OpNotEqual, specs.OpLessThan, specs.OpLessEqual, specs.OpGreaterThan, specs.OpGreaterEqual:
		default:
			return nil, fmt.Errorf("the comparison %q cannot be done here", a.Op)
		}
		out = append(out, c)
	}
	return out, nil
}

// test makes the instructions that fall through when the condition holds, and skip
// the given number of instructions after them when it does not.
func (c condition) test(skip int) []bpf.Instruction {
	low := c.load(0, uint32(c.mask))
	decide := bpf.JumpIf{Cond: jump(c.op), Val: uint32(c.value), SkipFalse: uint8(skip)}
	if c.narrow {
		return append(low, decide)
	}
	return append(c.high(len(low)+1, skip), append(low, decide)...)
}

func jump(op specs.LinuxSeccompOperator) bpf.JumpTest {
	switch op {
	case specs.OpNotEqual:
		return bpf.JumpNotEqual
	case specs.OpLessThan:
		return bpf.JumpLessThan
	case specs.OpLessEqual:
		return bpf.JumpLessOrEqual
	case specs.OpGreaterThan:
		return bpf.JumpGreaterThan
	case specs.OpGreaterEqual:
		return bpf.JumpGreaterOrEqual
	default:
		return bpf.JumpEqual
	}
}

// high compares the upper half. It decides alone unless the halves are equal: then it
// falls through to the comparison of the lower half, which is rest instructions long.
func (c condition) high(rest, skip int) []bpf.Instruction {
	out, value := c.load(4, uint32(c.mask>>32)), uint32(c.value>>32)
	fail, hold := uint8(rest+skip), uint8(rest)
	switch c.op {
	case specs.OpEqualTo:
		return append(out, bpf.JumpIf{Cond: bpf.JumpEqual, Val: value, SkipFalse: fail})
	case specs.OpNotEqual:
		return append(out, bpf.JumpIf{Cond: bpf.JumpEqual, Val: value, SkipFalse: hold})
	case specs.OpLessThan, specs.OpLessEqual:
		return append(out,
			bpf.JumpIf{Cond: bpf.JumpLessThan, Val: value, SkipTrue: hold + 1},
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: value, SkipFalse: fail})
	default: // greater
		return append(out,
			bpf.JumpIf{Cond: bpf.JumpGreaterThan, Val: value, SkipTrue: hold + 1},
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: value, SkipFalse: fail})
	}
}

// load brings half of the argument into the accumulator.
func (c condition) load(half, mask uint32) []bpf.Instruction {
	out := []bpf.Instruction{bpf.LoadAbsolute{Off: offsetArgs + 8*uint32(c.arg) + half, Size: 4}}
	if mask != ^uint32(0) {
		out = append(out, bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: mask})
	}
	return out
}

package seccomp

import (
	"cmp"
	"slices"
)

// call is one system call of this architecture.
type call struct {
	name string
	nr   uint32
}

// number finds the number of a system call. A profile names the calls of all
// architectures; the ones that this one does not have are not found.
func number(name string) (uint32, bool) {
	i, ok := slices.BinarySearchFunc(table[:], name, func(c call, n string) int { return cmp.Compare(c.name, n) })
	if !ok {
		return 0, false
	}
	return table[i].nr, true
}

// intArgs are the arguments, by call and index, that the kernel takes as int or
// unsigned int while the profile compares them.
func intArg(name string, index uint) bool {
	return index == 0 && (name == "socket" || name == "personality")
}

// Name is what a system call of this architecture is called; "" when there is none of
// that number.
func Name(number int) string {
	i := slices.IndexFunc(table[:], func(c call) bool { return int(c.nr) == number })
	if i < 0 {
		return ""
	}
	return table[i].name
}

package guest

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Seal forbids the process, and all it becomes, what the filter does not allow. It
// comes before Start, which does nothing that a sandbox's program may not do either:
// the kernel takes its time to compile a filter, and the host has other things to do
// between the two.
type Seal struct {
	Filter []byte // seccomp program, as an array of struct sock_filter
}

// Program also sets no_new_privs, without which nobody but root of the namespace may
// load a filter.
func (s Seal) Program() *Program {
	p := newProgram(0)
	p.call("set no_new_privs", unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	// struct sock_fprog: how many instructions, and where they are.
	instructions := len(s.Filter) / int(unsafe.Sizeof(unix.SockFilter{}))
	fprog := p.place([]any{instructions, s.Filter})
	p.call("load seccomp filter", unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, fprog)
	return p
}

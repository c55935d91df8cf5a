package seccomp

import "golang.org/x/sys/unix"

const (
	nativeArch = unix.AUDIT_ARCH_X86_64
	// foreignBit marks the calls of the x32 ABI, which has the same architecture.
	foreignBit = 0x40000000
)

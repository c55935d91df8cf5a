package rig

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// exits is exit(0) in the words of a processor.
var exits = map[string]struct {
	machine elf.Machine
	code    []byte
}{
	"amd64": {elf.EM_X86_64, []byte{0x31, 0xff, 0xb8, 60, 0, 0, 0, 0x0f, 0x05}},                // xor edi, edi; mov eax, 60; syscall
	"arm64": {elf.EM_AARCH64, []byte{0, 0, 0x80, 0xd2, 0xa8, 0x0b, 0x80, 0xd2, 1, 0, 0, 0xd4}}, // mov x0, 0; mov x8, 93; svc 0
}

// WriteTrue makes a program named bootstrap below dir, in a folder of its own as Compile
// does, that does nothing but end with status 0. It is /bin/true without a C library: what
// is measured with it is what happens around a program.
func WriteTrue(dir string) (string, error) {
	exit, ok := exits[runtime.GOARCH]
	if !ok {
		return "", fmt.Errorf("there is no program that does nothing for %s", runtime.GOARCH)
	}
	const base, head = 0x400000, 64 + 56
	size := uint64(head + len(exit.code))
	var b bytes.Buffer
	for _, part := range []any{
		elf.Header64{
			Ident: [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
			Type:  uint16(elf.ET_EXEC), Machine: uint16(exit.machine), Version: uint32(elf.EV_CURRENT),
			Entry: base + head, Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: 1, Shentsize: 64,
		},
		elf.Prog64{Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_X), Vaddr: base, Paddr: base, Filesz: size, Memsz: size, Align: 0x1000},
		exit.code,
	} {
		if err := binary.Write(&b, binary.LittleEndian, part); err != nil {
			return "", err
		}
	}
	out := filepath.Join(dir, "true", "bootstrap")
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return "", err
	}
	return out, os.WriteFile(out, b.Bytes(), 0o755)
}

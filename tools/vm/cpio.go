package main

import (
	"fmt"
	"io"
)

// cpioWriter writes the format of initial file systems: "newc" of cpio(5), as the
// kernel's Documentation/driver-api/early-userspace/buffer-format.rst has it.
type cpioWriter struct {
	to    io.Writer
	inode int
}

const (
	cpioFolder = 0o040755
	cpioFile   = 0o100755
)

func (w *cpioWriter) folder(name string) error { return w.entry(name, cpioFolder, nil) }

func (w *cpioWriter) file(name string, content []byte) error {
	return w.entry(name, cpioFile, content)
}

// close writes the entry that ends the archive.
func (w *cpioWriter) close() error { return w.entry("TRAILER!!!", 0, nil) }

func (w *cpioWriter) entry(name string, mode int, content []byte) error {
	w.inode++
	const links = 1
	head := "070701"
	for _, field := range []int{w.inode, mode, 0, 0, links, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0} {
		head += fmt.Sprintf("%08x", field)
	}
	head += name + "\x00"
	for _, part := range [][]byte{[]byte(head), content} {
		padded := append(part[:len(part):len(part)], make([]byte, (4-len(part)%4)%4)...)
		if _, err := w.to.Write(padded); err != nil {
			return err
		}
	}
	return nil
}

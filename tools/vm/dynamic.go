package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// copyDynamic copies a program of this machine into a folder, to the place it has here,
// with the libraries that it needs (ldd(1)).
func copyDynamic(ctx context.Context, program, folder string) error {
	path, err := exec.LookPath(program)
	if err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, "ldd", path).Output()
	if err != nil {
		return fmt.Errorf("ldd %s: %w", path, err)
	}
	files := []string{path}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); { // "libc.so.6 => /lib/libc.so.6 (0x7f…)"
		for field := range strings.FieldsSeq(lines.Text()) {
			if filepath.IsAbs(field) {
				files = append(files, field)
			}
		}
	}
	for _, name := range files {
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		to := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(to, content, 0o755); err != nil {
			return err
		}
	}
	return nil
}

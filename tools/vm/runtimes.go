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

// runtimes are programs that tests need, and that come from this machine.
var runtimes = []string{"runc", "crun"}

// copyRuntimes puts them, and the libraries they are linked with, into the root of the
// disk.
func copyRuntimes(ctx context.Context, folder string) error {
	for _, name := range runtimes {
		from, err := exec.LookPath(name)
		if err != nil {
			return fmt.Errorf("%w: install the package %s (tools/deps.sh vm)", err, name)
		}
		if err := copyFile(from, filepath.Join(folder, "test", name)); err != nil {
			return err
		}
		libraries, err := librariesOf(ctx, from)
		if err != nil {
			return err
		}
		for _, l := range libraries {
			if err := copyFile(l, filepath.Join(folder, l)); err != nil {
				return err
			}
		}
	}
	return nil
}

// librariesOf asks ldd(1), whose lines are "name => path (address)", or "path (address)"
// for the loader; what the kernel provides has no path.
func librariesOf(ctx context.Context, program string) (paths []string, err error) {
	out, err := exec.CommandContext(ctx, "ldd", program).Output()
	if err != nil {
		return nil, fmt.Errorf("ldd %s: %w", program, err)
	}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		for _, word := range strings.Fields(lines.Text()) {
			if filepath.IsAbs(word) {
				paths = append(paths, word)
			}
		}
	}
	return paths, nil
}

func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o755)
}

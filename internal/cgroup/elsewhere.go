package cgroup

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// RemoveEverywhere removes the group of that name, which must have no process, and those
// below it from every hierarchy of this machine. It is for groups that other programs
// use, too: an OCI runtime makes a folder of the name in each v1 hierarchy there is.
func RemoveEverywhere(name string) error {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return fmt.Errorf("find control groups: %w", err)
	}
	defer f.Close()
	var errs []error
	for _, root := range hierarchies(f) {
		errs = append(errs, removeTree(filepath.Join(root, name)))
	}
	return errors.Join(errs...)
}

// hierarchies are the mount points of all control groups, of both versions.
func hierarchies(mountinfo io.Reader) (roots []string) {
	for lines := bufio.NewScanner(mountinfo); lines.Scan(); {
		before, after, _ := strings.Cut(lines.Text(), " - ")
		mount := strings.Fields(before)
		if len(mount) >= 5 && strings.HasPrefix(after, "cgroup") {
			roots = append(roots, mount[4])
		}
	}
	return roots
}

// removeTree removes a folder of groups from the bottom up. The files in them cannot be
// removed, and go with their folder.
func removeTree(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	errs := []error{err}
	for _, e := range entries {
		if e.IsDir() {
			errs = append(errs, removeTree(filepath.Join(dir, e.Name())))
		}
	}
	if err := syscall.Rmdir(dir); err != nil && err != syscall.ENOENT {
		errs = append(errs, &os.PathError{Op: "remove control group", Path: dir, Err: err})
	}
	return errors.Join(errs...)
}

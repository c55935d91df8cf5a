package testenv

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// DelegatedGroup makes a control group that belongs to the user, as systemd does with
// Delegate=yes, with the controllers that it can pass on. It is nil where there are none
// of version 2.
func DelegatedGroup(t testing.TB, u *User) (group *os.File, controllers []string) {
	t.Helper()
	mount := mountOfV2(t)
	if mount == "" {
		return nil, nil
	}
	offered := strings.Fields(readFile(t, filepath.Join(mount, "cgroup.controllers")))
	for _, c := range []string{"cpu", "memory", "pids"} {
		if !slices.Contains(offered, c) {
			continue
		}
		if err := os.WriteFile(filepath.Join(mount, "cgroup.subtree_control"), []byte("+"+c), 0); err != nil {
			t.Fatal(err)
		}
	}
	dir := filepath.Join(mount, fmt.Sprintf("slipway-test-user-%d", os.Getpid()))
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { Eventually(t, 10*time.Second, func() error { return removeGroups(dir) }) })
	for _, file := range []string{".", "cgroup.procs", "cgroup.threads", "cgroup.subtree_control"} {
		if err := os.Chown(filepath.Join(dir, file), u.ID, u.ID); err != nil {
			t.Fatal(err)
		}
	}
	group, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { group.Close() })
	return group, strings.Fields(readFile(t, filepath.Join(dir, "cgroup.controllers")))
}

func mountOfV2(t testing.TB) string {
	t.Helper()
	for line := range strings.Lines(readFile(t, "/proc/self/mountinfo")) {
		if fields := strings.Fields(line); strings.Contains(line, " - cgroup2 ") {
			return fields[4]
		}
	}
	return ""
}

func readFile(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// removeGroups removes a group and those below it, the lowest first; it fails as long as
// one has processes.
func removeGroups(dir string) error {
	var dirs []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			dirs = append(dirs, path)
		}
		return err
	})
	for _, d := range slices.Backward(dirs) {
		err = errors.Join(err, syscall.Rmdir(d))
	}
	return err
}

package testenv

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Require finds a program in the folders that the patterns (see filepath.Glob) name, the
// last match first, or else in $PATH. When there is none the test is skipped, or fails
// when CI=true.
func Require(t testing.TB, program string, patterns ...string) string {
	t.Helper()
	path, err := find(program, patterns...)
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatal(err)
	}
	if err != nil {
		t.Skip(err)
	}
	return path
}

// Root is for what only root can do: sandboxes, mounts, owners. For others the test is
// skipped, or fails when CI=true.
func Root(t testing.TB) {
	t.Helper()
	switch {
	case os.Geteuid() == 0:
	case os.Getenv("CI") == "true":
		t.Fatal("root is needed")
	default:
		t.Skip("root is needed")
	}
}

func find(program string, patterns ...string) (string, error) {
	for _, pattern := range patterns {
		matches, _ := filepath.Glob(filepath.Join(pattern, program)) // the patterns are constants and well formed
		if n := len(matches); n > 0 {
			return matches[n-1], nil
		}
	}
	path, err := exec.LookPath(program)
	if err != nil {
		return "", fmt.Errorf("%s is needed, install it: %w", program, err)
	}
	return filepath.EvalSymlinks(path) // its neighbours are where it really is
}

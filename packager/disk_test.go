package packager

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway/internal/testenv"
)

// SmallDisk is a filesystem of 512 KiB, until the test ends. Its name is exported for the
// tests outside of the package.
func SmallDisk(t *testing.T) string {
	t.Helper()
	testenv.Root(t)
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=512k"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

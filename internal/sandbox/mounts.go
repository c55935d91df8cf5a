package sandbox

import (
	"fmt"
	"os"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway"
)

// openMounts makes a detached mount for each bind mount, its owners mapped so that
// root on the host is root in the sandbox. Their mounts below are left out.
func openMounts(mounts []specs.Mount, userns *os.File) ([]*os.File, error) {
	var out []*os.File
	for _, m := range mounts {
		attr := uint64(unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV)
		if slices.Contains(m.Options, "ro") {
			attr |= unix.MOUNT_ATTR_RDONLY
		}
		tree, err := cloneTree(nil, m.Source, attr, userns)
		if err != nil {
			return out, fmt.Errorf("open %s to mount it on %s: %w", m.Source, m.Destination, notFound(err))
		}
		out = append(out, tree)
	}
	return out, nil
}

// notFound gives a missing folder of the host its kind.
func notFound(err error) error {
	if os.IsNotExist(err) {
		return slipway.Errorf(slipway.ErrNotFound, "%w", err)
	}
	return err
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

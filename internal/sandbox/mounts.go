package sandbox

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway"
)

// openMounts makes a detached mount for each bind mount, its owners mapped so that
// root on the host is root in the sandbox. Their mounts below are left out. What is only
// read may lie on a filesystem that cannot map owners, such as the overlay that a
// container's root is: its files then belong to nobody, and what everyone may read can
// be read.
func openMounts(mounts []specs.Mount, userns *os.File) ([]*os.File, error) {
	var out []*os.File
	for _, m := range mounts {
		attr := uint64(unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV)
		if slices.Contains(m.Options, "ro") {
			attr |= unix.MOUNT_ATTR_RDONLY
		}
		tree, err := cloneTree(nil, m.Source, attr, userns)
		if errors.Is(err, errNoMapping) && attr&unix.MOUNT_ATTR_RDONLY != 0 {
			tree, err = cloneTree(nil, m.Source, attr, nil)
		}
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

var errNoMapping = slipway.Errorf(slipway.ErrUnavailable, "this filesystem cannot map owners: keep the folder on ext4, xfs, btrfs or tmpfs (idmapped mounts, mount_setattr(2))")

// cloneTree makes a detached mount of a folder or file: path, below dir when that is
// not nil. With userns, owners are mapped: the id 0 on disk is root in that namespace
// (mount_setattr(2), idmapped mounts).
func cloneTree(dir *os.File, path string, attr uint64, userns *os.File) (*os.File, error) {
	at := unix.AT_FDCWD
	if dir != nil {
		at = int(dir.Fd())
	}
	tree, err := unix.OpenTree(at, path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return nil, err
	}
	change := unix.MountAttr{Attr_set: attr, Propagation: unix.MS_PRIVATE}
	if userns != nil {
		change.Attr_set |= unix.MOUNT_ATTR_IDMAP
		change.Userns_fd = uint64(userns.Fd())
	}
	if err := unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH, &change); err != nil {
		unix.Close(tree)
		if userns != nil && errors.Is(err, unix.EINVAL) {
			return nil, errNoMapping
		}
		return nil, err
	}
	return os.NewFile(uintptr(tree), path), nil
}

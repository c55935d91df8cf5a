package sandbox

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway"
)

// rootfs is the root filesystem of one sandbox: mounts that are attached nowhere, so
// that no path of the host leads to them and they end with their last user.
type rootfs struct {
	root, dev, shm *os.File
}

func (r *rootfs) close() error {
	var errs []error
	for _, f := range []*os.File{r.root, r.dev, r.shm} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

// newRootfs lays an overlay of the layers, lowest first, below an upper folder in
// memory. userns maps the owners of the layers' files into the sandbox's ids.
func newRootfs(layers []string, s scratch, userns *os.File) (_ *rootfs, err error) {
	r := &rootfs{}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close())
		}
	}()
	dirs, err := s.make()
	if err != nil {
		return nil, err
	}
	defer dirs.close()
	if r.dev, err = cloneTree(dirs.tmpfs, "dev", unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NOEXEC, nil); err != nil {
		return nil, fmt.Errorf("make /dev: %w", err)
	}
	if r.shm, err = cloneTree(dirs.tmpfs, "shm", unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC, nil); err != nil {
		return nil, fmt.Errorf("make /dev/shm: %w", err)
	}
	var lower []*os.File
	defer func() {
		for _, f := range lower {
			f.Close()
		}
	}()
	for _, layer := range topmost(layers) {
		tree, err := cloneTree(nil, layer, unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NODEV, userns)
		if err != nil {
			return nil, fmt.Errorf("open layer %s: %w", layer, err)
		}
		lower = append(lower, tree)
	}
	r.root, err = overlay(lower, dirs.upper, dirs.work)
	return r, err
}

// topmost gives the layers from the top down, each once: a layer that comes again
// higher up hides itself below, and the kernel refuses a folder that is named twice.
func topmost(layers []string) []string {
	var out []string
	for _, l := range slices.Backward(layers) {
		if !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	return out
}

// overlay makes a detached overlay mount; lower is from the top down. Each layer is
// an option of its own, so that their number is not bounded by the length of one
// (Linux 6.7), and all are detached mounts (Linux 6.15). They are named by descriptor:
// a sandbox can read the options, and learns no path of the host from them.
func overlay(lower []*os.File, upper, work *os.File) (*os.File, error) {
	f, err := unix.Fsopen("overlay", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make overlay: %w", err)
	}
	defer unix.Close(f)
	type option struct {
		key  string
		file *os.File
	}
	var options []option
	for _, l := range lower {
		options = append(options, option{"lowerdir+", l})
	}
	options = append(options, option{"upperdir", upper}, option{"workdir", work})
	for _, o := range options {
		if err := unix.FsconfigSetString(f, o.key, descriptorPath(o.file)); err != nil {
			return nil, overlayError(o.key, err)
		}
	}
	for _, o := range [][2]string{{"source", "overlay"}, {"redirect_dir", "nofollow"}, {"metacopy", "off"}, {"index", "off"}, {"xino", "off"}} {
		if err := unix.FsconfigSetString(f, o[0], o[1]); err != nil {
			return nil, overlayError(o[0], err)
		}
	}
	if err := unix.FsconfigCreate(f); err != nil {
		return nil, overlayError("create", err)
	}
	m, err := unix.Fsmount(f, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_NODEV)
	if err != nil {
		return nil, overlayError("mount", err)
	}
	return os.NewFile(uintptr(m), "root"), nil
}

func overlayError(step string, err error) error {
	if errors.Is(err, unix.EINVAL) {
		return slipway.Errorf(slipway.ErrUnavailable, "make overlay: %s: %w: Linux 6.15 or newer is needed", step, err)
	}
	return fmt.Errorf("make overlay: %s: %w", step, err)
}

func descriptorPath(f *os.File) string { return "/proc/self/fd/" + strconv.Itoa(int(f.Fd())) }

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
			return nil, slipway.Errorf(slipway.ErrUnavailable, "%w: this filesystem cannot map owners: keep the folder on ext4, xfs, btrfs or tmpfs (idmapped mounts, mount_setattr(2))", err)
		}
		return nil, err
	}
	return os.NewFile(uintptr(tree), path), nil
}

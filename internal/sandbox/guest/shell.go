package guest

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// enterShell makes the process the init of a blank sandbox: it has everything that
// does not depend on what will run in it. The namespaces exist already but for the
// cgroup's, which must come after the host moved the process into its group: the
// namespace's root is the group its maker is in.
//
// /proc and /sys are mounted over the host's and move into the root later, with what
// is mounted on them. The kernel allows a new one only while an old one can be seen
// whole, so this cannot wait until the host's tree is gone. The result is a devpts
// that is not attached yet.
func enterShell(s Setup) (pts int, err error) {
	if err := unix.Unshare(unix.CLONE_NEWCGROUP); err != nil {
		return -1, step("enter cgroup namespace", err)
	}
	if _, err := unix.KeyctlInt(unix.KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0); err != nil && !errors.Is(err, unix.ENOSYS) {
		return -1, step("leave the host's keyring", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return -1, step("make mounts private", err)
	}
	if err := loopbackUp(); err != nil {
		return -1, step("bring loopback up", err)
	}
	if err := mountOver("proc", "/proc", unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC); err != nil {
		return -1, step("mount /proc", err)
	}
	if err := writeSettings(s); err != nil {
		return -1, err
	}
	if err := mountOver("sysfs", "/sys", unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC); err != nil {
		return -1, step("mount /sys", err)
	}
	if err := protect(s.Masked, s.ReadOnly); err != nil {
		return -1, err
	}
	pts, err = fsmount("devpts", unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NOEXEC, "ptmxmode", "0666", "mode", "0620", "gid", "5")
	return pts, step("mount /dev/pts", err)
}

// writeSettings writes below /proc while it can still be written.
func writeSettings(s Setup) error {
	if err := writeFile("/proc/self/oom_score_adj", strconv.Itoa(s.OOMScoreAdj)); err != nil {
		return step("set oom_score_adj", err)
	}
	for name, value := range s.Sysctl {
		if err := writeFile(filepath.Join("/proc/sys", name), value); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return step("set "+name, err)
		}
	}
	return nil
}

// protect hides what the host would tell about itself. A path that this kernel does
// not have needs no hiding.
func protect(masked, readOnly []string) error {
	empty, err := fsmount("tmpfs", unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC, "size", "4k", "nr_inodes", "1", "mode", "0555")
	if err != nil {
		return step("make an empty folder", err)
	}
	defer unix.Close(empty)
	for _, path := range masked {
		if err := mask(path, empty); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return step("mask "+path, err)
		}
	}
	for _, path := range readOnly {
		if err := freezePath(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return step("make "+path+" read-only", err)
		}
	}
	return nil
}

// mask lays an empty folder over a folder and /dev/null over a file.
func mask(path string, empty int) error {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return err
	}
	from, name, flags := unix.AT_FDCWD, "/dev/null", uint(unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		from, name, flags = empty, "", flags|unix.AT_EMPTY_PATH
	}
	tree, err := unix.OpenTree(from, name, flags)
	if err != nil {
		return err
	}
	defer unix.Close(tree)
	return attach(tree, path)
}

// freezePath lays a read-only view of a path over the path itself.
func freezePath(path string) error {
	tree, err := unix.OpenTree(unix.AT_FDCWD, path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
	if err != nil {
		return err
	}
	defer unix.Close(tree)
	if err := unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}); err != nil {
		return err
	}
	return attach(tree, path)
}

// loopbackUp is what "ip link set lo up" does (netdevice(7)).
func loopbackUp() error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, request)
}

// mountOver mounts a new filesystem of a type on a folder.
func mountOver(fstype, target string, attr int) error {
	m, err := fsmount(fstype, attr)
	if err != nil {
		return err
	}
	defer unix.Close(m)
	return attach(m, target)
}

// fsmount makes a mount that is not attached; options come in pairs, key and value.
func fsmount(fstype string, attr int, options ...string) (int, error) {
	f, err := unix.Fsopen(fstype, unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, err
	}
	defer unix.Close(f)
	for i := 0; i+1 < len(options); i += 2 {
		if err := unix.FsconfigSetString(f, options[i], options[i+1]); err != nil {
			return -1, err
		}
	}
	if err := unix.FsconfigCreate(f); err != nil {
		return -1, err
	}
	return unix.Fsmount(f, unix.FSMOUNT_CLOEXEC, attr)
}

// attach mounts a detached mount.
func attach(mount int, target string) error {
	return unix.MoveMount(mount, "", unix.AT_FDCWD, target, unix.MOVE_MOUNT_F_EMPTY_PATH)
}

func writeFile(path, value string) error {
	f, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(f)
	_, err = unix.Write(f, []byte(value))
	return err
}

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// checkOverlay puts a writable layer over a read-only one, on the data folder.
func (d *doctor) checkOverlay(context.Context) finding {
	options := map[string]string{}
	for option, name := range map[string]string{"lowerdir": "lower", "upperdir": "upper", "workdir": "work"} {
		dir, err := d.folder(filepath.Join("overlay", name))
		if err != nil {
			return failure("", "no folder for a trial: %v", err)
		}
		options[option] = dir
	}
	if d.here != nil {
		options["userxattr"] = ""
	}
	mount, err := detached("overlay", options)
	if err != nil {
		return failure("put the data folder on ext4, xfs or btrfs (--data), and load the kernel's module: modprobe overlay",
			"layers of images cannot be laid over each other on %s (%s): %v", d.place, filesystem(d.place), err)
	}
	unix.Close(mount)
	return fine("works on %s (%s)", d.place, filesystem(d.place))
}

// checkIDMappedMounts gives a folder other owners by a mount, and looks whether it has
// them.
func (d *doctor) checkIDMappedMounts(context.Context) finding {
	dir, err := d.folder("idmapped")
	if err != nil {
		return failure("", "no folder for a trial: %v", err)
	}
	var owner uint32
	err = d.withUserNamespace(func(userns *os.File) (err error) {
		owner, err = mappedOwner(dir, userns)
		return err
	})
	kind := filesystem(d.place)
	const mend = "put the data folder on ext4, xfs, btrfs or, from Linux 6.3, tmpfs: --data"
	switch {
	case errors.Is(err, unix.ENOSYS):
		return failure("use Linux 5.19 or later", "the kernel does not have them: %v", reason(err))
	case err != nil:
		return failure(mend, "%s (%s) cannot do them: %v", d.place, kind, err)
	case owner != firstID:
		return failure(mend, "%s (%s) ignores them: root's file is that of %d, not of %d", d.place, kind, owner, firstID)
	default:
		return fine("work on %s (%s)", d.place, kind)
	}
}

// mappedOwner is who owns the folder when it is seen through a mount that is mapped
// by the namespace (mount_setattr(2)).
func mappedOwner(dir string, userns *os.File) (uint32, error) {
	tree, err := unix.OpenTree(unix.AT_FDCWD, dir, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return 0, fmt.Errorf("open_tree: %w", err)
	}
	defer unix.Close(tree)
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: uint64(userns.Fd())}
	if err := unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH, &attr); err != nil {
		return 0, fmt.Errorf("mount_setattr: %w", err)
	}
	var stat unix.Stat_t
	if err := unix.Fstatat(tree, ".", &stat, 0); err != nil {
		return 0, err
	}
	return stat.Uid, nil
}

func (d *doctor) checkData(context.Context) finding {
	if d.readOnly != nil {
		return failure("give it to the user who runs slipway (chown), or name another with --data", "%s cannot be written to: %v", d.data, reason(d.readOnly))
	}
	return fine("%s can be written to (%s)", d.data, filesystem(d.data))
}

const (
	littleSpace  = 10 << 30 // bytes; images, their layers and build caches soon need as much
	tooLittle    = 1 << 30  // bytes; not enough for one base and one build
	littleInodes = 100_000  // an image of an interpreter has some 10,000 files
)

func (d *doctor) checkSpace(context.Context) finding {
	var fs unix.Statfs_t
	if err := unix.Statfs(d.data, &fs); err != nil {
		return failure("", "cannot be read: %v", err)
	}
	free := fs.Bavail * uint64(fs.Bsize)
	text := fmt.Sprintf("%.1f GiB free on %s", float64(free)/(1<<30), d.data)
	const mend = "make room, or name a folder on a larger disk with --data"
	switch {
	case free < tooLittle:
		return failure(mend, "%s: not enough for images and builds", text)
	case free < littleSpace:
		return warning(mend, "%s: little for images and builds", text)
	case fs.Files > 0 && fs.Ffree < littleInodes: // btrfs has no number of inodes
		return warning(mend, "%s, but for %d files only", text, fs.Ffree)
	default:
		return fine("%s", text)
	}
}

// checkScratchDisk looks for what "--scratch disk" needs.
func checkScratchDisk(context.Context) finding {
	const otherwise = "what instances write can be kept in memory only"
	if _, err := os.Stat("/dev/loop-control"); err != nil {
		return warning("modprobe loop", "%s: there are no loop devices", otherwise)
	}
	for _, name := range []string{"mke2fs", "/usr/sbin/mke2fs", "/sbin/mke2fs"} {
		if found, err := exec.LookPath(name); err == nil {
			return fine("possible (--scratch disk): loop devices, %s", found)
		}
	}
	return warning("apt-get install e2fsprogs", "%s: mke2fs is missing", otherwise)
}

// checkSwap looks for a place where the memory of idle instances can go.
func checkSwap(context.Context) finding {
	text, err := os.ReadFile("/proc/swaps")
	if err != nil {
		return warning("", "cannot be read: %v", err)
	}
	var areas []string
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n")[1:] {
		if fields := strings.Fields(line); len(fields) > 2 {
			areas = append(areas, fmt.Sprintf("%s (%s KiB)", fields[0], fields[2]))
		}
	}
	if len(areas) == 0 {
		return warning("modprobe zram; dev=$(zramctl --find --algorithm zstd --size 4G); mkswap $dev; swapon --priority 100 $dev (compressed swap in memory; or a swap file on disk)",
			"none: frozen instances cannot give memory back, so fewer fit")
	}
	return fine("%s", strings.Join(areas, ", "))
}

// filesystem is the type of the filesystem that holds the path: the last mount in
// proc_pid_mountinfo(5) with its device.
func filesystem(path string) string {
	var stat unix.Stat_t
	mounts, err := os.Open("/proc/self/mountinfo")
	if err != nil || unix.Stat(path, &stat) != nil {
		return "unknown filesystem"
	}
	defer mounts.Close()
	device := fmt.Sprintf("%d:%d", unix.Major(stat.Dev), unix.Minor(stat.Dev))
	kind := "unknown filesystem"
	for lines := bufio.NewScanner(mounts); lines.Scan(); {
		before, after, _ := strings.Cut(lines.Text(), " - ")
		mount, fs := strings.Fields(before), strings.Fields(after)
		if len(mount) > 2 && len(fs) > 0 && mount[2] == device {
			kind = fs[0]
		}
	}
	return kind
}

package guest

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// stage is where the root is put together: a folder that every host has and that a
// sandbox has no more use for. Only this mount namespace sees what is mounted there.
const stage = "/dev"

// enterRoot makes the first of files the root of the process, with dev, shm and the
// mounts where they belong, and lets go of the host's tree.
func enterRoot(r Root, pts int, files []int) error {
	if len(files) != 3+len(r.Mounts) {
		return step("receive root", errors.New("a file is missing"))
	}
	if err := buildRoot(files[0], files[1], files[2], pts); err != nil {
		return err
	}
	if err := pivot(); err != nil {
		return err
	}
	for i, m := range r.Mounts {
		if err := addMount(m, files[3+i]); err != nil {
			return userStep("mount "+m.Target, err)
		}
	}
	for _, f := range append(files, pts) {
		unix.Close(f)
	}
	if err := unix.Sethostname([]byte(r.Hostname)); err != nil {
		return step("set hostname", err)
	}
	unix.Umask(0o022)
	if err := os.MkdirAll(r.Dir, 0o755); err != nil {
		return userStep("make working directory "+r.Dir, bare(err))
	}
	return nil
}

// buildRoot attaches the detached mounts and moves /proc and /sys over.
func buildRoot(root, dev, shm, pts int) error {
	if err := attach(root, stage); err != nil {
		return step("attach root", err)
	}
	if err := attach(dev, stage+"/dev"); err != nil {
		return step("attach /dev", err)
	}
	if err := attach(shm, stage+"/dev/shm"); err != nil {
		return step("attach /dev/shm", err)
	}
	if err := attach(pts, stage+"/dev/pts"); err != nil {
		return step("attach /dev/pts", err)
	}
	for _, dir := range []string{"/proc", "/sys"} {
		if err := unix.MoveMount(unix.AT_FDCWD, dir, unix.AT_FDCWD, stage+dir, 0); err != nil {
			return step("move "+dir, err)
		}
	}
	return nil
}

// pivot exchanges the host's tree for the root. With "." for both names the old root
// ends up on top of the new one, from where it is taken away (pivot_root(2)).
func pivot() error {
	if err := unix.Chdir(stage); err != nil {
		return step("enter root", err)
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return step("pivot_root", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return step("detach the host's root", err)
	}
	return step("enter root", unix.Chdir("/"))
}

// addMount attaches a mount of the host. A link in the image can lead the target
// elsewhere, but not out of the root: there is nothing else any more.
func addMount(m Mount, tree int) error {
	if err := makeTarget(m); err != nil {
		return bare(err)
	}
	return attach(tree, m.Target)
}

func makeTarget(m Mount) error {
	if m.Dir {
		return os.MkdirAll(m.Target, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(m.Target), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(m.Target, os.O_CREATE|os.O_RDONLY, 0o644)
	if err != nil {
		return err
	}
	return f.Close()
}

// bare is the cause of a path error: the step names the path already.
func bare(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
	"unsafe"
)

// setUp makes a machine as a distribution would leave it: modules, the disk as root,
// the usual mounts, control groups of version 2 in their usual place.
func setUp() error {
	if err := mount("devtmpfs", "/dev", "devtmpfs"); err != nil {
		return err
	}
	if err := loadModules("/modules"); err != nil {
		return err
	}
	if err := await("/dev/vda"); err != nil {
		return err
	}
	if err := mount("/dev/vda", "/disk", "ext4"); err != nil {
		return err
	}
	if err := keepSelf(); err != nil {
		return err
	}
	if err := enterDisk(); err != nil {
		return err
	}
	for _, m := range [][3]string{
		{"devtmpfs", "/dev", "devtmpfs"}, {"proc", "/proc", "proc"}, {"sysfs", "/sys", "sysfs"},
		{"cgroup2", "/sys/fs/cgroup", "cgroup2"}, {"tmpfs", "/run", "tmpfs"},
	} {
		if err := mount(m[0], m[1], m[2]); err != nil {
			return err
		}
	}
	return os.Chmod("/tmp", os.ModeSticky|0o777)
}

func mount(source, target, fstype string) error {
	if err := syscall.Mount(source, target, fstype, 0, ""); err != nil {
		return fmt.Errorf("mount %s on %s: %w", fstype, target, err)
	}
	return nil
}

// loadModules loads the files of a folder in the order of their names.
func loadModules(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		return err
	}
	for _, f := range files {
		content, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		parameters := [1]byte{}
		_, _, errno := syscall.Syscall(syscall.SYS_INIT_MODULE, uintptr(unsafe.Pointer(&content[0])), uintptr(len(content)), uintptr(unsafe.Pointer(&parameters[0])))
		if errno != 0 && errno != syscall.EEXIST {
			return fmt.Errorf("load %s: %w", f, errno)
		}
	}
	return nil
}

// await waits for a device, which its driver finds in its own time.
func await(device string) error {
	const patience = 30 * time.Second
	for start := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(device); err == nil {
			return nil
		} else if !errors.Is(err, os.ErrNotExist) || time.Since(start) > patience {
			return fmt.Errorf("wait for the disk: %w", err)
		}
	}
}

// keepSelf copies this program to the disk, where it is started again.
func keepSelf() error {
	content, err := os.ReadFile("/init")
	if err != nil {
		return err
	}
	return os.WriteFile("/disk/sbin-init", content, 0o755)
}

// enterDisk makes the disk the root of the mount namespace; the initial file system
// itself cannot be pivot_root(2)ed, which sandboxes do.
func enterDisk() error {
	if err := os.Chdir("/disk"); err != nil {
		return err
	}
	if err := syscall.Mount(".", "/", "", syscall.MS_MOVE, ""); err != nil {
		return fmt.Errorf("move the disk to the root: %w", err)
	}
	if err := syscall.Chroot("."); err != nil {
		return fmt.Errorf("enter the disk: %w", err)
	}
	return os.Chdir("/")
}

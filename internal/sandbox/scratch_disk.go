package sandbox

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway"
)

// disks makes filesystems on files of the server's folder: each is an ext4 without a
// journal on a loop device. A file has no name and the device ends with its last user,
// so that nothing is left of a server that was killed.
//
// A file is sparse: it takes what its sandbox writes, and gives back what that deletes
// (discard). So the files together may promise more than the disk holds. When the disk
// has less room than the file that is asked for there is none; a sandbox that then fills
// the disk gets errors of input and output, and the others keep what they have.
type disks struct {
	dir string

	// mu guards templates.
	mu        sync.Mutex
	templates map[int]*template // by size in MiB
}

// maxTemplates is for how many sizes an empty filesystem is kept in memory, some 100 KiB
// each.
const maxTemplates = 32

// newScratchDisks finds out whether this machine can make one; it is nil when the
// configuration wants none.
func newScratchDisks(cfg Config) (*disks, error) {
	if cfg.Scratch != ScratchDisk {
		return nil, nil
	}
	d := &disks{dir: cfg.Dir, templates: map[int]*template{}}
	m, err := d.tryMount(leastDisk)
	if err != nil {
		return nil, fmt.Errorf("make a disk for sandboxes: %w", err)
	}
	return d, m.Close()
}

// leastDisk is the smallest that a function may ask for, in MiB.
const leastDisk = 16

// mount gives an empty filesystem that holds so much, attached nowhere.
func (d *disks) mount(megabytes int) (*os.File, error) {
	m, err := d.tryMount(megabytes)
	switch {
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return nil, slipway.Errorf(slipway.ErrUnavailable, "disk is full: %s: make room there, or keep scratch in memory (--scratch memory): %w", d.dir, err)
	case err != nil:
		return nil, fmt.Errorf("make a disk of %d MiB: %w", megabytes, err)
	}
	return m, nil
}

func (d *disks) tryMount(megabytes int) (*os.File, error) {
	t, err := d.template(megabytes)
	if err != nil {
		return nil, err
	}
	if err := d.checkRoom(t.size); err != nil {
		return nil, err
	}
	file, err := d.newFile(t.size)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if err := t.writeTo(file); err != nil {
		return nil, err
	}
	device, err := attachLoop(file, d.dir)
	if err != nil {
		return nil, err
	}
	defer device.Close() // the mount holds it
	return fsmount("ext4", mountOptions(device))
}

// mountOptions are options of ext4(5). What is on the disk need not outlive the
// sandbox, so that nothing is flushed to the host's disk before its time.
func mountOptions(device *os.File) [][2]string {
	return [][2]string{{"source", descriptorPath(device)}, {"discard", ""}, {"nobarrier", ""}, {"noinit_itable", ""}}
}

// checkRoom refuses a disk for which there is no room now, were it alone.
func (d *disks) checkRoom(size int64) error {
	var st unix.Statfs_t
	if err := unix.Statfs(d.dir, &st); err != nil {
		return os.NewSyscallError("statfs", err)
	}
	if free := int64(st.Bavail) * st.Bsize; free < size {
		return fmt.Errorf("%d MiB are free and %d asked for: %w", free>>20, size>>20, unix.ENOSPC)
	}
	return nil
}

// newFile makes a file without a name.
func (d *disks) newFile(size int64) (*os.File, error) {
	fd, err := unix.Open(d.dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make a file without a name in %s: %w", d.dir, err)
	}
	f := os.NewFile(uintptr(fd), d.dir)
	if err := f.Truncate(size); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// template gives the empty filesystem of a size.
func (d *disks) template(megabytes int) (*template, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if t, ok := d.templates[megabytes]; ok {
		return t, nil
	}
	size := sizeFor(megabytes)
	file, err := d.newFile(size)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	t, err := format(file, size)
	if err != nil {
		return nil, err
	}
	if len(d.templates) == maxTemplates {
		clear(d.templates)
	}
	d.templates[megabytes] = t
	return t, nil
}

package zram

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ErrNone says that this machine can give no device: the module is missing, or this
// process may not.
var ErrNone = errors.New("no zram for this process")

// Swap is swap that is on.
type Swap struct {
	device string // zram1
	guard  *exec.Cmd
	pipe   io.Closer
	lock   *os.File
}

// New switches swap of that many bytes on. It waits until other processes have switched
// theirs off, or for the end of ctx.
func New(ctx context.Context, bytes int64) (*Swap, error) {
	lock, err := takeLock(ctx)
	if err != nil {
		return nil, err
	}
	s := &Swap{lock: lock}
	if err := s.open(bytes); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func takeLock(ctx context.Context) (*os.File, error) {
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("%w: only root may switch swap on", ErrNone)
	}
	f, err := os.OpenFile(filepath.Join(os.TempDir(), "slipway-zram.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock zram: %w", err)
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, errors.Join(fmt.Errorf("lock zram: %w", err), f.Close())
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("wait for zram: %w", context.Cause(ctx)), f.Close())
		}
	}
}

func (s *Swap) open(bytes int64) error {
	number, err := os.ReadFile("/sys/class/zram-control/hot_add")
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNone, err)
	}
	s.device = "zram" + strings.TrimSpace(string(number))
	if err := s.startGuard(); err != nil {
		return err
	}
	_ = s.set("comp_algorithm", "lz4") // else the kernel's own choice
	if err := s.set("disksize", fmt.Sprint(bytes)); err != nil {
		return err
	}
	path := "/dev/" + s.device
	if err := format(path, bytes); err != nil {
		return err
	}
	return swapon(path)
}

// undo is what the guard does at the end of its standard input.
const undo = `cat >/dev/null
swapoff "/dev/$1" 2>/dev/null
echo 1 >"/sys/block/$1/reset"
echo "${1#zram}" >/sys/class/zram-control/hot_remove`

func (s *Swap) startGuard() (err error) {
	s.guard = exec.Command("/bin/sh", "-c", undo, "zram", s.device)
	s.guard.SysProcAttr = &syscall.SysProcAttr{Setsid: true}                 // Ctrl-C is not for it
	s.guard.Env = append(os.Environ(), "PATH=/usr/sbin:/sbin:/usr/bin:/bin") // where swapoff is
	if s.pipe, err = s.guard.StdinPipe(); err != nil {
		return err
	}
	if err := s.guard.Start(); err != nil {
		return fmt.Errorf("start the guard of a zram device: %w", err)
	}
	return nil
}

func (s *Swap) set(attribute, value string) error {
	return os.WriteFile(filepath.Join("/sys/block", s.device, attribute), []byte(value), 0)
}

// format makes an empty swap area of a device, as mkswap(8) does: a header in the first
// page, with its magic at the end.
func format(path string, bytes int64) error {
	page := os.Getpagesize()
	header := make([]byte, page)
	binary.NativeEndian.PutUint32(header[1024:], 1)                           // version
	binary.NativeEndian.PutUint32(header[1028:], uint32(bytes/int64(page)-1)) // the last page
	copy(header[page-10:], "SWAPSPACE2")
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(header); err != nil {
		return err
	}
	return f.Close()
}

// swapon gives it the highest priority (swapon(2)).
func swapon(path string) error {
	name, err := unix.BytePtrFromString(path)
	if err != nil {
		return err
	}
	const preferred, highest = 0x8000, 32767
	if _, _, errno := unix.Syscall(unix.SYS_SWAPON, uintptr(unsafe.Pointer(name)), preferred|highest, 0); errno != 0 {
		return &os.PathError{Op: "swapon", Path: path, Err: errno}
	}
	return nil
}

// Device is the name of its device, as in /proc/swaps.
func (s *Swap) Device() string { return s.device }

// Used is how many bytes of memory the device takes, compressed, and how many it holds.
func (s *Swap) Used() (compressed, holds int64, err error) {
	text, err := os.ReadFile(filepath.Join("/sys/block", s.device, "mm_stat"))
	if err != nil {
		return 0, 0, err
	}
	var data int64
	_, err = fmt.Sscan(string(text), &holds, &data, &compressed)
	return compressed, holds, err
}

// Close switches it off: what it holds goes back to memory. The device is gone then.
func (s *Swap) Close() error {
	var err error
	if s.pipe != nil {
		err = s.pipe.Close()
		if s.guard.Process != nil {
			err = errors.Join(err, s.guard.Wait())
		}
	}
	return errors.Join(err, s.lock.Close())
}

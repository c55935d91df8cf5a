package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway"
)

// attachLoop gives a loop device of the file (loop(4)). It ends with its last user.
func attachLoop(file *os.File, dir string) (*os.File, error) {
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return nil, slipway.Errorf(slipway.ErrUnavailable, "no loop devices: load the module (modprobe loop), or keep scratch in memory (--scratch memory): %w", err)
	}
	defer control.Close()
	for {
		n, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return nil, fmt.Errorf("find a free loop device: %w", err)
		}
		device, err := openLoop(n, dir)
		if err != nil {
			return nil, fmt.Errorf("open loop device %d: %w", n, err)
		}
		err = unix.IoctlLoopConfigure(int(device.Fd()), &unix.LoopConfig{
			Fd: uint32(file.Fd()), Size: ext4Block,
			Info: unix.LoopInfo64{Flags: unix.LO_FLAGS_AUTOCLEAR | unix.LO_FLAGS_DIRECT_IO},
		})
		if err == nil {
			return device, nil
		}
		device.Close()
		if !errors.Is(err, unix.EBUSY) { // another took it meanwhile
			return nil, fmt.Errorf("configure loop device %d: %w", n, err)
		}
	}
}

// openLoop opens the device of a number. In a container nobody makes the nodes of new
// devices: there one is made for the moment.
func openLoop(n int, dir string) (*os.File, error) {
	device, err := os.OpenFile(fmt.Sprintf("/dev/loop%d", n), os.O_RDWR, 0)
	if !os.IsNotExist(err) {
		return device, err
	}
	const loopMajor = 7
	node := filepath.Join(dir, fmt.Sprintf("loop%d-%d", n, os.Getpid()))
	if err := unix.Mknod(node, unix.S_IFBLK|0o600, int(unix.Mkdev(loopMajor, uint32(n)))); err != nil {
		return nil, &os.PathError{Op: "mknod", Path: node, Err: err}
	}
	defer os.Remove(node)
	return os.OpenFile(node, os.O_RDWR, 0)
}

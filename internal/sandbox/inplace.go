package sandbox

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// inPlace assembles a root while nothing of it is attached anywhere (Linux 6.15).
type inPlace struct{ features [][2]string }

func (inPlace) String() string { return "in place" }

func (inPlace) close() {}

func (p inPlace) assemble(lower []*os.File, s *scratch) (_ *rootfs, err error) {
	r := &rootfs{}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close())
		}
	}()
	if err := r.cloneFolders(s.memory, "."); err != nil {
		return nil, err
	}
	r.root, err = overlay(lower, s.upper, p.features)
	return r, err
}

// overlay makes a detached overlay mount. Each layer is an option of its own, so that
// their number is not bounded by the length of one (Linux 6.7). They are named by
// descriptor: a sandbox can read the options, and learns no path of the host from them.
func overlay(lower []*os.File, upper *os.File, features [][2]string) (*os.File, error) {
	f, err := unix.Fsopen("overlay", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make overlay: %w", err)
	}
	defer unix.Close(f)
	var options [][2]string
	for _, l := range lower {
		options = append(options, [2]string{"lowerdir+", descriptorPath(l)})
	}
	options = append(options,
		[2]string{"upperdir", descriptorPath(upper) + "/upper"},
		[2]string{"workdir", descriptorPath(upper) + "/work"},
		[2]string{"source", "overlay"})
	if err := configure(f, append(options, features...)); err != nil {
		return nil, fmt.Errorf("make overlay: %w", err)
	}
	if err := unix.FsconfigCreate(f); err != nil {
		return nil, fmt.Errorf("make overlay: %w", err)
	}
	m, err := unix.Fsmount(f, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_NODEV)
	if err != nil {
		return nil, fmt.Errorf("make overlay: mount: %w", err)
	}
	return os.NewFile(uintptr(m), "root"), nil
}

// overlayFeatures are options of every overlay: an image must not be able to say where
// a file is (redirect_dir, metacopy), and the upper folder never moves (index, xino).
// What is written need not outlive the sandbox, so that fsync(2) waits for nothing and
// costs the host's disk nothing (volatile, a flag).
func overlayFeatures() [][2]string {
	return [][2]string{{"redirect_dir", "nofollow"}, {"metacopy", "off"}, {"index", "off"}, {"xino", "off"}, {"volatile", ""}}
}

func descriptorPath(f *os.File) string { return "/proc/self/fd/" + strconv.Itoa(int(f.Fd())) }

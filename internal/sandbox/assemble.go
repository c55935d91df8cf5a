package sandbox

import (
	"errors"
	"log/slog"
	"os"

	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway"
)

// assembler makes a root out of its parts. There are two, because an overlay can be
// laid over mounts that are attached nowhere from Linux 6.15 only.
type assembler interface {
	// assemble lays an overlay of lower, from the top down, below the upper place of
	// scratch. It may attach and detach what it is given.
	assemble(lower []*os.File, s *scratch) (*rootfs, error)

	// String says how, for people.
	String() string

	close()
}

// newAssembler finds out which one this kernel allows, by trying.
func newAssembler(p privileges, log *slog.Logger) (assembler, error) {
	in := inPlace{p.overlay()}
	refusal := tryAssembler(in, p)
	if refusal == nil {
		return in, nil
	}
	s, err := newStage(p.overlay())
	if err != nil {
		return nil, slipway.Errorf(slipway.ErrUnavailable, "lay layers over each other: %w", errors.Join(refusal, err))
	}
	if err := tryAssembler(s, p); err != nil {
		s.close()
		return nil, slipway.Errorf(slipway.ErrUnavailable, "lay layers over each other: %w: is there an overlay module (modprobe overlay)?", errors.Join(refusal, err))
	}
	log.Debug("overlays are assembled in a mount namespace of their own", "err", refusal)
	return s, nil
}

// Overlays says how this kernel lets roots be made, for people.
func (n *Native) Overlays() string { return n.roots.String() }

// tryAssembler makes a root of one empty layer.
func tryAssembler(a assembler, p privileges) error {
	upper, err := newScratch(p, nil, 0)
	if err != nil {
		return err
	}
	defer upper.close()
	lower, err := mountTmpfs(1)
	if err != nil {
		return err
	}
	defer lower.Close()
	r, err := a.assemble([]*os.File{lower}, upper)
	if err != nil {
		return err
	}
	return r.close()
}

// cloneFolders takes /dev and /dev/shm out of the memory of a scratch: the path, below dir when that
// is not nil.
func (r *rootfs) cloneFolders(dir *os.File, path string) (err error) {
	const plain = unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NOEXEC
	if r.dev, err = cloneTree(dir, path+"/dev", plain, nil); err != nil {
		return &os.PathError{Op: "make", Path: "/dev", Err: err}
	}
	if r.shm, err = cloneTree(dir, path+"/shm", plain|unix.MOUNT_ATTR_NODEV, nil); err != nil {
		return &os.PathError{Op: "make", Path: "/dev/shm", Err: err}
	}
	return nil
}

package sandbox

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway"
)

// makeFolders makes folders of a root that everyone in the sandbox may write to. A link of
// the image can lead one elsewhere, but not out of the root. Where the image has a file in
// the way there is none: an image whose program is /job can be a job.
func makeFolders(root *os.File, folders []string, firstID uint32) error {
	for _, folder := range folders {
		if err := makeFolder(root, folder, int(firstID)); err != nil && !errors.Is(err, unix.ENOTDIR) {
			return slipway.Errorf(slipway.ErrInvalid, "make the folder %s in the image: %w", folder, err)
		}
	}
	return nil
}

// makeFolder makes what is missing of a path, for the sandbox's root to own.
func makeFolder(root *os.File, folder string, owner int) error {
	at, err := openIn(root, ".", unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	path := ""
	for base := range strings.SplitSeq(strings.Trim(folder, "/"), "/") {
		path += "/" + base
		err := unix.Mkdirat(at, base, 0o755)
		unix.Close(at)
		if err != nil && !errors.Is(err, unix.EEXIST) {
			return err
		}
		made := err == nil
		if at, err = openIn(root, path, unix.O_RDONLY|unix.O_DIRECTORY); err != nil {
			return err
		}
		if made { // whatever the server's umask is
			err = cmp.Or(unix.Fchmod(at, 0o755), unix.Fchown(at, owner, owner))
		}
		if err != nil {
			unix.Close(at)
			return err
		}
	}
	return cmp.Or(unix.Fchmod(at, 0o777), unix.Close(at))
}

// OpenFolder implements slipway.Lasting.
func (s *Sandbox) OpenFolder(name string) (*os.File, error) {
	fd, err := openIn(s.root, name, unix.O_RDONLY|unix.O_DIRECTORY)
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP):
		return nil, slipway.Errorf(slipway.ErrNotFound, "sandbox %s: open %s: %w", s.id, name, err)
	case err != nil:
		return nil, kinded(fmt.Errorf("sandbox %s: open %s: %w", s.id, name, err))
	}
	return os.NewFile(uintptr(fd), name), nil
}

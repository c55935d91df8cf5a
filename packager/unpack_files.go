package packager

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	slipway "github.com/slipway-run/slipway"

	"golang.org/x/sys/unix"
)

// createAt makes a new file in a folder, for writing. What is there makes it fail,
// links included.
func createAt(dir int, base string) (*os.File, error) {
	fd, err := unix.Openat(dir, base, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), base), nil
}

// copyContent copies the n bytes of an entry.
func copyContent(f *os.File, content io.Reader, n int64, buf []byte) error {
	// The wrapper hides File.ReadFrom, which would ignore buf.
	copied, err := io.CopyBuffer(struct{ io.Writer }{f}, content, buf)
	if err != nil {
		return archiveError(err)
	}
	if copied != n {
		return slipway.Errorf(slipway.ErrInvalid, "%d bytes were announced, %d came", n, copied)
	}
	return nil
}

// link makes name a second name of the file that is at target.
func (t *tree) link(target, name string) error {
	dir, base, err := t.locate(target)
	if err != nil {
		return err
	}
	var st unix.Stat_t
	err = unix.Fstatat(dir, base, &st, unix.AT_SYMLINK_NOFOLLOW)
	if errors.Is(err, unix.ENOENT) {
		return slipway.Errorf(slipway.ErrInvalid, "it is a hard link to %q, which is not in the archive before it", target)
	}
	if err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR || isWhiteout(&st) {
		return slipway.Errorf(slipway.ErrInvalid, "it is a hard link to %q, which is not a file", target)
	}
	from, err := unix.FcntlInt(uintptr(dir), unix.F_DUPFD_CLOEXEC, 0) // locate closes dir
	if err != nil {
		return err
	}
	defer unix.Close(from)
	to, name, err := t.locate(name)
	if err != nil {
		return err
	}
	return unix.Linkat(from, base, to, name, 0)
}

// makeWhiteout hides a name of the layers below.
func makeWhiteout(dir int, base string) error { return unix.Mknodat(dir, base, unix.S_IFCHR, 0) }

func isWhiteout(st *unix.Stat_t) bool { return st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == 0 }

// hide makes a whiteout for name. What this very layer has there stays: a whiteout is
// about the layers below, wherever it stands in the tar.
func (u *unpacker) hide(name string) error {
	dir, base, err := u.tree.locate(name)
	if err != nil {
		return err
	}
	err = makeWhiteout(dir, base)
	if !errors.Is(err, unix.EEXIST) {
		return err
	}
	var st unix.Stat_t
	if err := unix.Fstatat(dir, base, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return u.markOpaque(name)
	}
	return nil
}

// opaque hides everything that layers below have in a folder, which is made when no
// entry has made it yet.
func (u *unpacker) opaque(name string) error {
	if name != "." {
		dir, base, err := u.tree.locate(name)
		if err != nil {
			return err
		}
		err = u.tree.mkdir(dir, base)
		if err != nil && !errors.Is(err, unix.EEXIST) {
			return err
		}
	}
	return u.markOpaque(name)
}

func (u *unpacker) markOpaque(name string) error {
	fd, err := u.tree.open(name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW)
	if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return slipway.Errorf(slipway.ErrInvalid, "%q is not a folder and cannot hide what is below it", name)
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.Fsetxattr(fd, u.owners.opaque(), []byte("y"), 0); err != nil {
		return fmt.Errorf("mark it opaque: %w", err)
	}
	return nil
}

func quote(name string) string {
	const shown = 200
	if len(name) > shown {
		return strconv.Quote(name[:shown]) + "…"
	}
	return strconv.Quote(name)
}

package packager

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	slipway "github.com/slipway-run/slipway"

	"golang.org/x/sys/unix"
)

// tree is a folder into which the entries of an archive go. Nothing outside of it can
// be reached: the kernel resolves the path of an entry's folder (openat2(2)), and
// the entry itself is a last component that is never followed. Nobody else may
// write to the folder meanwhile. A tree is for one goroutine.
type tree struct {
	root    int
	resolve uint64
	owners  *Owners // of folders that no entry describes; nil is who makes them

	at     string // the folder that parent opened last …
	parent int    // … and its descriptor; root when at is "."
}

// How a tree treats symbolic links in the path of an entry's folder.
const (
	// followInside takes the tree for the root directory, as a process in the
	// container would: layers put files below links that earlier entries made.
	followInside = unix.RESOLVE_IN_ROOT
	// followNone refuses links.
	followNone = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS
)

func openTree(dir string, resolve uint64) (*tree, error) {
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: dir, Err: err}
	}
	return &tree{root: fd, resolve: resolve | unix.RESOLVE_NO_MAGICLINKS | unix.RESOLVE_NO_XDEV, at: ".", parent: fd}, nil
}

func (t *tree) close() {
	t.forget()
	_ = unix.Close(t.root)
}

// forget closes the folder that was used last: what is at its path may have changed.
func (t *tree) forget() {
	if t.parent != t.root {
		_ = unix.Close(t.parent)
	}
	t.at, t.parent = ".", t.root
}

// locate opens the folder of a clean name, making what is missing of it. The
// descriptor is valid until the next call.
func (t *tree) locate(name string) (dir int, base string, err error) {
	folder, base := path.Split(name)
	folder = path.Clean(folder)
	if folder == t.at {
		return t.parent, base, nil
	}
	t.forget()
	if folder == "." {
		return t.root, base, nil
	}
	fd, err := t.openDir(folder)
	if errors.Is(err, unix.ENOENT) {
		fd, err = t.makeDir(folder)
	}
	if err != nil {
		return -1, "", pathError(name, err)
	}
	t.at, t.parent = folder, fd
	return fd, base, nil
}

// openDir opens a folder by its path in the tree.
func (t *tree) openDir(folder string) (int, error) {
	return t.open(folder, unix.O_PATH|unix.O_DIRECTORY)
}

func (t *tree) open(name string, flags uint64) (int, error) {
	how := &unix.OpenHow{Flags: flags | unix.O_CLOEXEC, Resolve: t.resolve}
	for {
		fd, err := unix.Openat2(t.root, name, how)
		if !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) {
			return fd, err
		}
	}
}

// makeDir makes a folder and those above it.
func (t *tree) makeDir(folder string) (int, error) {
	fd, err := t.openDir(".")
	if err != nil {
		return -1, err
	}
	for i, part := range strings.Split(folder, "/") {
		above := fd
		prefix := strings.Join(strings.SplitN(folder, "/", i+2)[:i+1], "/")
		if fd, err = t.openDir(prefix); errors.Is(err, unix.ENOENT) {
			if err = t.mkdir(above, part); err == nil {
				fd, err = t.openDir(prefix)
			}
		}
		_ = unix.Close(above)
		if err != nil {
			return -1, err
		}
	}
	return fd, nil
}

// mkdir makes a folder of the image's root.
func (t *tree) mkdir(dir int, base string) error {
	err := unix.Mkdirat(dir, base, 0o755)
	if err == nil && t.owners != nil {
		err = unix.Fchownat(dir, base, t.owners.of(0), t.owners.of(0), unix.AT_SYMLINK_NOFOLLOW)
	}
	return err
}

// remove takes away what is at a name, with everything below it.
func (t *tree) remove(dir int, base string) error {
	err := unix.Unlinkat(dir, base, 0)
	if err == nil || errors.Is(err, unix.ENOENT) {
		return nil
	}
	// It is a folder. Descriptors of folders below it lose their meaning.
	root, err := os.OpenRoot(procFD(dir))
	if err != nil {
		return err
	}
	defer root.Close()
	if err := root.RemoveAll(base); err != nil {
		return err
	}
	t.forget()
	return nil
}

// procFD is a path to what a descriptor stands for, even one opened with O_PATH.
func procFD(fd int) string { return fmt.Sprintf("/proc/self/fd/%d", fd) }

// pathError says what is wrong with an entry whose folder cannot be used.
func pathError(name string, err error) error {
	switch {
	case errors.Is(err, unix.ELOOP), errors.Is(err, unix.EXDEV), errors.Is(err, unix.EEXIST):
		return slipway.Errorf(slipway.ErrInvalid, "entry %q goes through a symbolic link that cannot be followed", name)
	case errors.Is(err, unix.ENOTDIR):
		return slipway.Errorf(slipway.ErrInvalid, "entry %q is below something that is not a folder", name)
	default:
		return fmt.Errorf("entry %q: %w", name, err)
	}
}

// The bounds of a name: those of Linux (PATH_MAX, NAME_MAX).
const (
	maxPath = 4095
	maxName = 255
)

// cleanName is the path of an entry without its redundant parts: relative to the
// tree, "." for the tree itself. A leading slash is dropped.
func cleanName(name string) (string, error) {
	if len(name) > maxPath {
		return "", slipway.Errorf(slipway.ErrInvalid, "an entry has a name of %d bytes; at most %d are allowed: %.64q…", len(name), maxPath, name)
	}
	for part := range strings.SplitSeq(name, "/") {
		switch {
		case part == "..":
			return "", slipway.Errorf(slipway.ErrInvalid, "entry %q: \"..\" is not allowed in a name", name)
		case len(part) > maxName:
			return "", slipway.Errorf(slipway.ErrInvalid, "entry %.64q…: a name between two slashes has %d bytes; at most %d are allowed", name, len(part), maxName)
		case strings.ContainsRune(part, 0):
			return "", slipway.Errorf(slipway.ErrInvalid, "entry %q: a zero byte is not allowed in a name", name)
		}
	}
	clean := path.Clean("/" + name)[1:]
	if clean == "" {
		return ".", nil
	}
	return clean, nil
}

// checkTarget refuses what the kernel would not take as the target of a link.
func checkTarget(name, target string) error {
	if target == "" || len(target) > maxPath || strings.ContainsRune(target, 0) {
		return slipway.Errorf(slipway.ErrInvalid, "entry %q: a symbolic link to %.64q is not possible", name, target)
	}
	return nil
}

package packager

import (
	"archive/tar"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"path"
	"strings"

	slipway "github.com/slipway-run/slipway"

	"golang.org/x/sys/unix"
)

// The names by which a layer takes away what is below it (OCI image specification,
// layer.md, "Whiteouts").
const (
	whiteoutPrefix = ".wh."
	opaqueMarker   = ".wh..wh..opq"
	aufsPrefix     = ".wh..wh." // other names with it are aufs's own notes
)

// unpacker turns the tar of one layer into a folder that overlayfs takes as a lower
// layer (Documentation/filesystems/overlayfs.rst): what is deleted is a character
// device 0/0, what is replaced as a whole is a folder that is marked opaque.
type unpacker struct {
	tree   *tree
	owners *Owners
	budget budget
	log    *slog.Logger
	buf    []byte
	// dirs are the folders that entries described. Their times are set at the end,
	// because every file made in a folder changes them.
	dirs map[string]*tar.Header
}

// unpackLayer unpacks an uncompressed layer into dst, an empty folder.
func unpackLayer(dst string, r io.Reader, owners *Owners, limits extractLimits, log *slog.Logger) error {
	t, err := openTree(dst, followInside)
	if err != nil {
		return err
	}
	defer t.close()
	if t.owners = owners; owners != nil {
		if err := unix.Fchown(t.root, owners.of(0), owners.of(0)); err != nil {
			return err
		}
	}
	u := &unpacker{
		tree: t, owners: owners, budget: budget{limits: limits}, log: log,
		buf: make([]byte, 256<<10), dirs: map[string]*tar.Header{},
	}
	for tr := tar.NewReader(r); ; {
		hdr, err := tr.Next()
		if err == io.EOF {
			return u.finish()
		}
		if err != nil {
			return archiveError(err)
		}
		if err := u.entry(hdr, tr); err != nil {
			return err
		}
	}
}

// entry unpacks one entry.
func (u *unpacker) entry(hdr *tar.Header, content io.Reader) error {
	if hdr.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	name, err := cleanName(hdr.Name)
	if err != nil {
		return err
	}
	if err := u.budget.entry(hdr.Size); err != nil {
		return err
	}
	if skip, err := u.whiteout(name); skip || err != nil {
		return err
	}
	if name == "." {
		return u.rootEntry(hdr)
	}
	dir, base, err := u.tree.locate(name)
	if err != nil {
		return err
	}
	opaque, err := u.clear(dir, base, name, hdr)
	if err != nil {
		return entryError(name, err)
	}
	if dir, base, err = u.tree.locate(name); err != nil { // clear may have closed it
		return err
	}
	if err := u.create(dir, base, name, hdr, content); err != nil {
		return entryError(name, err)
	}
	if opaque {
		return entryError(name, u.markOpaque(name))
	}
	return nil
}

func (u *unpacker) rootEntry(hdr *tar.Header) error {
	if hdr.Typeflag != tar.TypeDir {
		return slipway.Errorf(slipway.ErrInvalid, "entry %q is the root and must be a folder", hdr.Name)
	}
	u.dirs["."] = hdr
	return nil
}

// create makes the entry; nothing is at its name, unless that is a folder and stays one.
func (u *unpacker) create(dir int, base, name string, hdr *tar.Header, content io.Reader) error {
	switch hdr.Typeflag {
	case tar.TypeDir:
		u.dirs[name] = hdr
		if err := unix.Mkdirat(dir, base, 0o755); err != nil && !errors.Is(err, unix.EEXIST) {
			return err
		}
		return nil
	case tar.TypeReg, tar.TypeCont, tar.TypeGNUSparse:
		return u.file(dir, base, hdr, content)
	case tar.TypeSymlink:
		if err := checkTarget(name, hdr.Linkname); err != nil {
			return err
		}
		if err := unix.Symlinkat(hdr.Linkname, dir, base); err != nil {
			return err
		}
		return u.setLinkAttributes(dir, base, hdr)
	case tar.TypeLink:
		return u.hardLink(name, hdr)
	case tar.TypeFifo:
		if err := unix.Mknodat(dir, base, unix.S_IFIFO|0o600, 0); err != nil {
			return err
		}
		return u.setSpecialAttributes(dir, base, hdr)
	case tar.TypeChar, tar.TypeBlock:
		return u.device(dir, base, hdr)
	default:
		return slipway.Errorf(slipway.ErrInvalid, "its type %q is not one that a layer can have", hdr.Typeflag)
	}
}

func (u *unpacker) file(dir int, base string, hdr *tar.Header, content io.Reader) error {
	f, err := createAt(dir, base)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := copyContent(f, content, hdr.Size, u.buf); err != nil {
		return err
	}
	if err := u.setAttributes(int(f.Fd()), hdr); err != nil {
		return err
	}
	return f.Close()
}

// hardLink makes a second name for a file of the same layer.
func (u *unpacker) hardLink(name string, hdr *tar.Header) error {
	target, err := cleanName(hdr.Linkname)
	if err != nil {
		return err
	}
	return u.tree.link(target, name)
}

// device refuses devices: a sandbox gets its own few. A character device 0/0 is no
// device but overlayfs's own form of a whiteout, in layers made from an upper folder.
func (u *unpacker) device(dir int, base string, hdr *tar.Header) error {
	if hdr.Typeflag == tar.TypeChar && hdr.Devmajor == 0 && hdr.Devminor == 0 {
		return makeWhiteout(dir, base)
	}
	return slipway.Errorf(slipway.ErrInvalid, "it is a device (%d, %d), and devices are not allowed in images: a sandbox has its own /dev. Build the image without it", hdr.Devmajor, hdr.Devminor)
}

// clear takes away what an earlier entry put at the name; a folder stays when the new
// entry is one too. It says whether the new folder replaces a whiteout: then nothing
// of the layers below may show in it.
func (u *unpacker) clear(dir int, base, name string, hdr *tar.Header) (opaque bool, err error) {
	var st unix.Stat_t
	err = unix.Fstatat(dir, base, &st, unix.AT_SYMLINK_NOFOLLOW)
	if errors.Is(err, unix.ENOENT) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	isDir := hdr.Typeflag == tar.TypeDir
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		if isDir {
			return false, nil
		}
		for known := range u.dirs {
			if known == name || strings.HasPrefix(known, name+"/") {
				delete(u.dirs, known)
			}
		}
	}
	if hdr.Typeflag == tar.TypeLink { // its target may be what is removed here
		if target, err := cleanName(hdr.Linkname); err == nil && target == name {
			return false, slipway.Errorf(slipway.ErrInvalid, "it is a hard link to itself")
		}
	}
	return isDir && isWhiteout(&st), u.tree.remove(dir, base)
}

// finish sets the attributes of folders.
func (u *unpacker) finish() error {
	for name, hdr := range u.dirs {
		fd, err := u.tree.open(name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW)
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
			continue // a later entry has put something else in its way
		}
		if err == nil {
			err = errors.Join(u.setAttributes(fd, hdr), unix.Close(fd))
		}
		if err != nil {
			return entryError(name, err)
		}
	}
	return nil
}

// whiteout takes entries that say what to hide; false means that it is another one.
func (u *unpacker) whiteout(name string) (bool, error) {
	if strings.HasPrefix(name, aufsPrefix) || strings.Contains(name, "/"+aufsPrefix) {
		if path.Base(name) != opaqueMarker {
			return true, nil
		}
		return true, entryError(name, u.opaque(path.Dir(name)))
	}
	hidden, ok := strings.CutPrefix(path.Base(name), whiteoutPrefix)
	if !ok {
		return false, nil
	}
	if hidden == "" || hidden == "." || hidden == ".." {
		return true, slipway.Errorf(slipway.ErrInvalid, "entry %q: a whiteout must name what it hides", name)
	}
	return true, entryError(name, u.hide(path.Join(path.Dir(name), hidden)))
}

// entryError names the entry in which something went wrong.
func entryError(name string, err error) error {
	if err == nil {
		return nil
	}
	var known *slipway.Error
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) && !errors.As(err, &known) {
		err = pathErr.Err // its path is a descriptor's
	}
	return wrap("entry "+quote(name), err)
}

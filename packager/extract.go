package packager

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	slipway "github.com/slipway-run/slipway"

	"golang.org/x/sys/unix"
)

// The limits of an archive of source about which nothing was said.
const (
	defaultSourceBytes = 2 << 30
	defaultSourceFiles = 200_000
)

// extract unpacks an archive that a user sent, of size bytes, into dst, an empty
// folder: tar, tar.gz, tar.zst or zip, as its first bytes say.
//
// It is for source, and stricter than the unpacking of layers: files belong to this
// process, there are no setuid bits, devices or fifos, and no link leads out of dst,
// now or by way of another, so that what is done with the files later stays in dst
// too. On an error dst holds an undefined part of the archive.
func extract(ctx context.Context, dst string, r io.ReaderAt, size int64, limits extractLimits) error {
	err := extractAny(ctx, dst, r, size, limits.or(defaultSourceBytes, defaultSourceFiles))
	return diskError("unpack the archive", dst, err)
}

func extractAny(ctx context.Context, dst string, r io.ReaderAt, size int64, limits extractLimits) error {
	head := make([]byte, 4)
	n, err := r.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return err
	}
	if n == 0 {
		return slipway.Errorf(slipway.ErrInvalid, "it is empty; a tar, tar.gz or zip of a folder is expected")
	}
	t, err := openTree(dst, followNone)
	if err != nil {
		return err
	}
	defer t.close()
	x := &extractor{tree: t, budget: budget{limits: limits}, buf: make([]byte, 256<<10)}
	if sniff(head[:n]) == formatZip {
		err = x.zip(ctx, r, size)
	} else {
		err = x.tar(ctx, io.NewSectionReader(r, 0, size))
	}
	if err != nil {
		return err
	}
	if x.budget.files == 0 {
		return slipway.Errorf(slipway.ErrInvalid, "there is nothing in it; a tar, tar.gz or zip of a folder is expected")
	}
	return x.checkLinks()
}

// extractor puts the entries of one archive into a tree.
type extractor struct {
	tree   *tree
	budget budget
	buf    []byte
	links  []string // names of links of either kind
}

// item is an entry of either kind of archive.
type item struct {
	name    string
	mode    fs.FileMode // type and permissions
	size    int64
	time    time.Time
	content io.Reader
	target  string // of a symbolic or hard link
	hard    bool   // it is a hard link
}

func (x *extractor) tar(ctx context.Context, r io.Reader) error {
	plain, err := decompress(contextReader{ctx, r})
	if err != nil {
		return archiveError(err)
	}
	defer plain.Close()
	limits := x.budget.limits
	tr := tar.NewReader(&boundedReader{plain, limits.stream(), limits.Bytes})
	for {
		hdr, err := tr.Next()
		switch {
		case err == io.EOF:
			return nil
		case x.budget.files == 0 && (errors.Is(err, tar.ErrHeader) || errors.Is(err, io.ErrUnexpectedEOF)):
			return slipway.Errorf(slipway.ErrInvalid, "it is not a complete archive; a tar, tar.gz or zip of a folder is expected")
		case err != nil:
			return archiveError(err)
		case hdr.Typeflag == tar.TypeXGlobalHeader:
			continue
		}
		it := item{
			name: hdr.Name, mode: hdr.FileInfo().Mode(), size: hdr.Size, time: hdr.ModTime,
			content: tr, target: hdr.Linkname, hard: hdr.Typeflag == tar.TypeLink,
		}
		if err := x.add(it); err != nil {
			return err
		}
	}
}

// add puts one entry into the tree.
func (x *extractor) add(it item) error {
	if len(it.name) > 0 && it.name[0] == '/' {
		return slipway.Errorf(slipway.ErrInvalid, "entry %s has an absolute name; make the archive inside of the folder, with relative names", quote(it.name))
	}
	name, err := cleanName(it.name)
	if err != nil {
		return err
	}
	if err := x.budget.entry(it.size); err != nil {
		return err
	}
	if name == "." {
		if !it.mode.IsDir() {
			return slipway.Errorf(slipway.ErrInvalid, "entry %s has no name", quote(it.name))
		}
		return nil
	}
	dir, base, err := x.tree.locate(name)
	if err != nil {
		return err
	}
	if it.mode.IsDir() && !it.hard {
		return entryError(name, makeFolder(dir, base))
	}
	// Later entries win, as with tar; only a folder does not yield.
	switch err := unix.Unlinkat(dir, base, 0); {
	case errors.Is(err, unix.EISDIR):
		return entryError(name, errTwice())
	case err != nil && !errors.Is(err, unix.ENOENT):
		return entryError(name, err)
	}
	return entryError(name, x.create(dir, base, name, it))
}

func makeFolder(dir int, base string) error {
	err := unix.Mkdirat(dir, base, 0o755)
	if !errors.Is(err, unix.EEXIST) {
		return err
	}
	var st unix.Stat_t
	if err := unix.Fstatat(dir, base, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return errTwice()
	}
	return nil
}

func errTwice() error {
	return slipway.Errorf(slipway.ErrInvalid, "it comes twice, as a folder and as something else")
}

func (x *extractor) create(dir int, base, name string, it item) error {
	switch {
	case it.hard:
		target, err := cleanName(it.target)
		if err != nil {
			return err
		}
		x.links = append(x.links, name) // the file may be a symbolic link
		return x.tree.link(target, name)
	case it.mode.IsRegular():
		return x.file(dir, base, it)
	case it.mode.Type() == fs.ModeSymlink:
		if err := checkTarget(name, it.target); err != nil {
			return err
		}
		x.links = append(x.links, name)
		return unix.Symlinkat(it.target, dir, base)
	default:
		return slipway.Errorf(slipway.ErrInvalid, "it is a device, socket or pipe, which cannot be taken over; leave it out")
	}
}

func (x *extractor) file(dir int, base string, it item) error {
	f, err := createAt(dir, base)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := copyContent(f, it.content, it.size, x.buf); err != nil {
		return err
	}
	// Whatever the archive says, this process must be able to read what it builds.
	if err := f.Chmod(it.mode.Perm() | 0o600); err != nil {
		return err
	}
	ts := timespecs(it.time)
	if err := unix.UtimesNanoAt(int(f.Fd()), "", ts, unix.AT_EMPTY_PATH); err != nil {
		return &os.PathError{Op: "utimensat", Path: base, Err: err}
	}
	return f.Close()
}

// checkLinks refuses links that lead out. It looks at the end, because where a link
// leads depends on what else there is. The kernel judges, as it would when the link
// is followed; of one to nothing, what it says must not lead out either, because a
// build can make what is missing.
func (x *extractor) checkLinks() error {
	x.tree.resolve = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS
	for _, name := range x.links {
		fd, err := x.tree.open(name, unix.O_PATH)
		if err == nil {
			_ = unix.Close(fd)
			continue
		}
		outside := errors.Is(err, unix.EXDEV)
		if !outside {
			target := make([]byte, maxPath+1)
			n, err := unix.Readlinkat(x.tree.root, name, target)
			if err != nil {
				return entryError(name, err)
			}
			outside = !filepath.IsLocal(path.Join(path.Dir(name), string(target[:n])))
		}
		if outside {
			return slipway.Errorf(slipway.ErrInvalid, "entry %s is a symbolic link that leads out of the folder; leave it out (.slipwayignore) or put a copy in its place", quote(name))
		}
	}
	return nil
}

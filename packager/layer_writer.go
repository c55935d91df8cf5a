package packager

import (
	"archive/tar"
	"cmp"
	"context"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// layerFile is one entry of a layer that is made here: a folder, a file or a symbolic
// link. Owner and time are always root and the epoch, so that the same content makes
// the same digest.
type layerFile struct {
	name   string      // in the image, without a leading slash
	mode   fs.FileMode // type and permissions
	size   int64
	open   func() (io.ReadCloser, error)
	target string // of a link
}

// addFiles makes a layer of files, in the order of their names. Folders that they are
// in are added.
func (p *Packager) addFiles(ctx context.Context, files []layerFile) (v1.Layer, error) {
	r, w := io.Pipe()
	go func() { w.CloseWithError(writeLayer(w, files)) }()
	defer r.Close()
	return p.store.AddLayer(ctx, r)
}

func writeLayer(w io.Writer, files []layerFile) error {
	files = append(slices.Clip(files), parents(files)...)
	slices.SortFunc(files, func(a, b layerFile) int { return cmp.Compare(a.name, b.name) })
	tw := tar.NewWriter(w)
	for _, f := range files {
		if err := f.write(tw); err != nil {
			return err
		}
	}
	return tw.Close()
}

func (f layerFile) write(tw *tar.Writer) error {
	hdr := &tar.Header{Name: f.name, Mode: int64(f.mode.Perm()), ModTime: time.Unix(0, 0), Typeflag: tar.TypeReg, Size: f.size}
	switch f.mode.Type() {
	case fs.ModeDir:
		hdr.Typeflag, hdr.Name = tar.TypeDir, f.name+"/"
	case fs.ModeSymlink:
		hdr.Typeflag, hdr.Linkname = tar.TypeSymlink, f.target
	}
	if f.mode&fs.ModeSticky != 0 {
		hdr.Mode |= 0o1000
	}
	if err := tw.WriteHeader(hdr); err != nil || f.open == nil {
		return err
	}
	r, err := f.open()
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(tw, r)
	return err
}

// parents are the folders above files that are not among them.
func parents(files []layerFile) []layerFile {
	have := map[string]bool{".": true}
	for _, f := range files {
		have[f.name] = true
	}
	var missing []layerFile
	for _, f := range files {
		for dir := path.Dir(f.name); !have[dir]; dir = path.Dir(dir) {
			have[dir] = true
			missing = append(missing, layerFile{name: dir, mode: fs.ModeDir | 0o755})
		}
	}
	return missing
}

// text is a file with content of our own.
func text(name, content string) layerFile {
	return layerFile{name: name, mode: 0o644, size: int64(len(content)),
		open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content)), nil }}
}

// hostFile is a file of this machine.
func hostFile(name, source string, mode fs.FileMode) (layerFile, error) {
	info, err := os.Stat(source)
	if err != nil {
		return layerFile{}, err
	}
	return layerFile{name: name, mode: mode, size: info.Size(),
		open: func() (io.ReadCloser, error) { return os.Open(source) }}, nil
}

// folderFiles are the files of a folder of this machine below prefix in the image.
// Modes become 0644 or, for folders and what its owner can execute, 0755: what the
// maker's umask was does not matter.
func folderFiles(prefix, dir string) ([]layerFile, error) {
	var files []layerFile
	err := filepath.WalkDir(dir, func(file string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		f := layerFile{name: path.Join(prefix, rel), mode: normalMode(info.Mode())}
		switch info.Mode().Type() {
		case fs.ModeDir:
		case fs.ModeSymlink:
			if f.target, err = os.Readlink(file); err != nil {
				return err
			}
		case 0:
			f.size, f.open = info.Size(), func() (io.ReadCloser, error) { return os.Open(file) }
		default:
			return nil // a socket or pipe that an install left behind
		}
		files = append(files, f)
		return nil
	})
	return files, err
}

func normalMode(mode fs.FileMode) fs.FileMode {
	switch {
	case mode.Type() == fs.ModeSymlink:
		return fs.ModeSymlink | 0o777
	case mode.IsDir():
		return fs.ModeDir | 0o755
	case mode&0o100 != 0:
		return 0o755
	default:
		return 0o644
	}
}

// sizeOf is the bytes of all files below dir whose name ends in suffix.
func sizeOf(dir, suffix string) int64 {
	var sum int64
	_ = filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(name, suffix) {
			if info, err := e.Info(); err == nil {
				sum += info.Size()
			}
		}
		return nil
	})
	return sum
}

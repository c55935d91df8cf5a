package main

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/moby/patternmatcher"

	"github.com/slipway-run/slipway"
)

// folder is what of a folder is deployed.
type folder struct {
	dir   string
	files []packed // parents before what is in them, in the order of their names
	size  int64    // bytes of all regular files
}

type packed struct {
	path string // below dir, with slashes
	info fs.FileInfo
}

// readFolder lists a folder without what its ignore file names.
func readFolder(dir string) (*folder, error) { return listFolder(dir, readIgnore) }

// readWholeFolder lists a folder with everything that is in it.
func readWholeFolder(dir string) (*folder, error) {
	return listFolder(dir, func(string) (*patternmatcher.PatternMatcher, error) { return patternmatcher.New(nil) })
}

// listFolder lists a folder without what ignore says of it.
func listFolder(dir string, ignore func(dir string) (*patternmatcher.PatternMatcher, error)) (*folder, error) {
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, slipway.Errorf(slipway.ErrInvalid, "the folder %s does not exist", dir)
	}
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, slipway.Errorf(slipway.ErrInvalid, "%s is not a folder; deploy the folder it is in, or an image archive with --image", dir)
	}
	ignored, err := ignore(dir)
	if err != nil {
		return nil, err
	}
	f := &folder{dir: dir}
	if err := f.walk(ignored); err != nil {
		return nil, fmt.Errorf("read %s: %w", dir, err)
	}
	if len(f.files) == 0 {
		return nil, slipway.Errorf(slipway.ErrInvalid, "%s is empty, or its ignore file leaves nothing; there is nothing to send", dir)
	}
	return f, nil
}

func (f *folder) walk(ignore *patternmatcher.PatternMatcher) error {
	return filepath.WalkDir(f.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == f.dir {
			return err
		}
		rel, err := filepath.Rel(f.dir, path)
		if err != nil {
			return err
		}
		ignored, err := ignore.MatchesOrParentMatches(filepath.ToSlash(rel))
		if err != nil {
			return err
		}
		if ignored {
			if entry.IsDir() && !ignore.Exclusions() {
				return filepath.SkipDir
			}
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		return f.add(filepath.ToSlash(rel), info)
	})
}

// add takes files, folders and links; a socket or a device has no place in an image.
func (f *folder) add(path string, info fs.FileInfo) error {
	switch info.Mode().Type() {
	case 0:
		f.size += info.Size()
	case fs.ModeDir, fs.ModeSymlink:
	default:
		return slipway.Errorf(slipway.ErrInvalid, "%s is neither a file, a folder nor a link; name it in .slipwayignore", path)
	}
	f.files = append(f.files, packed{path, info})
	return nil
}

// pack writes the folder as tar.gz. Owners and times are left out, so that the same
// content is the same archive. done is called with the bytes of files read until now.
func (f *folder) pack(w io.Writer, done func(int64)) error {
	zipped := gzip.NewWriter(w)
	archive := tar.NewWriter(zipped)
	var read int64
	for _, file := range f.files {
		n, err := f.packOne(archive, file)
		if err != nil {
			return fmt.Errorf("pack %s: %w", file.path, err)
		}
		read += n
		done(read)
	}
	if err := archive.Close(); err != nil {
		return err
	}
	return zipped.Close()
}

func (f *folder) packOne(archive *tar.Writer, file packed) (int64, error) {
	full := filepath.Join(f.dir, filepath.FromSlash(file.path))
	link := ""
	if file.info.Mode()&fs.ModeSymlink != 0 {
		var err error
		if link, err = os.Readlink(full); err != nil {
			return 0, err
		}
	}
	head, err := tar.FileInfoHeader(file.info, filepath.ToSlash(link))
	if err != nil {
		return 0, err
	}
	head.Name = file.path
	if file.info.IsDir() {
		head.Name += "/"
	}
	head.Uid, head.Gid, head.Uname, head.Gname = 0, 0, "", ""
	head.ModTime, head.AccessTime, head.ChangeTime = time.Unix(0, 0), time.Time{}, time.Time{}
	if err := archive.WriteHeader(head); err != nil || !file.info.Mode().IsRegular() {
		return 0, err
	}
	in, err := os.Open(full)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	return io.Copy(archive, in)
}

// stream is the packed folder as it is made. An error of packing is the reader's.
func (f *folder) stream(done func(int64)) io.ReadCloser {
	r, w := io.Pipe()
	go func() { w.CloseWithError(f.pack(w, done)) }()
	return r
}

package packager

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	slipway "github.com/slipway-run/slipway"
)

// maxArchiveEntries bounds an image archive: each layer has one to four.
const maxArchiveEntries = 100_000

// tarIndex knows where in a tar each file is, so that files can be read in any order
// without unpacking anything.
type tarIndex struct {
	r     io.ReaderAt
	files map[string]span
	links map[string]string // name -> what it is another name of
}

type span struct{ off, size int64 }

// indexTar reads the headers of an uncompressed tar, once.
func indexTar(ctx context.Context, r io.ReaderAt, size int64) (*tarIndex, error) {
	t := &tarIndex{r: r, files: map[string]span{}, links: map[string]string{}}
	section := io.NewSectionReader(r, 0, size)
	// tar.Reader seeks over the files, and after Next the position is where the
	// content begins.
	tr := tar.NewReader(section)
	for entries := 0; ; entries++ {
		hdr, err := tr.Next()
		switch {
		case err == io.EOF:
			return t, nil
		case entries == 0 && (errors.Is(err, tar.ErrHeader) || errors.Is(err, io.ErrUnexpectedEOF)):
			return nil, slipway.Errorf(slipway.ErrInvalid, "it is not an image archive; a tar with an OCI layout, or what docker save writes, is expected")
		case err != nil:
			return nil, archiveError(err)
		case entries == maxArchiveEntries:
			return nil, slipway.Errorf(slipway.ErrTooLarge, "it has more than %d entries, which is the limit of an image archive", maxArchiveEntries)
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		}
		off, err := section.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, err
		}
		t.add(hdr, off)
	}
}

func (t *tarIndex) add(hdr *tar.Header, off int64) {
	name := key(hdr.Name)
	delete(t.files, name)
	delete(t.links, name)
	switch {
	case hdr.Typeflag == tar.TypeReg && !sparse(hdr):
		t.files[name] = span{off, hdr.Size}
	case hdr.Typeflag == tar.TypeSymlink:
		t.links[name] = key(path.Join(path.Dir(name), hdr.Linkname))
	case hdr.Typeflag == tar.TypeLink:
		t.links[name] = key(hdr.Linkname)
	}
}

// sparse files are not stored as they are; no tool writes images with them.
func sparse(hdr *tar.Header) bool {
	for record := range hdr.PAXRecords {
		if strings.HasPrefix(record, "GNU.sparse.") {
			return true
		}
	}
	return false
}

func key(name string) string { return path.Clean("/" + name)[1:] }

// find follows links: older archives of docker and skopeo have them between layers.
func (t *tarIndex) find(name string) (span, bool) {
	name = key(name)
	for range 8 {
		if s, ok := t.files[name]; ok {
			return s, true
		}
		target, ok := t.links[name]
		if !ok {
			break
		}
		name = target
	}
	return span{}, false
}

func (t *tarIndex) has(name string) bool {
	_, ok := t.find(name)
	return ok
}

// open is the content of a file.
func (t *tarIndex) open(name string) (*io.SectionReader, error) {
	s, ok := t.find(name)
	if !ok {
		return nil, slipway.Errorf(slipway.ErrInvalid, "the archive is incomplete: %s is missing in it", quote(name))
	}
	return io.NewSectionReader(t.r, s.off, s.size), nil
}

// document is a small file as a whole.
func (t *tarIndex) document(name string) ([]byte, error) {
	r, err := t.open(name)
	if err != nil {
		return nil, err
	}
	if r.Size() > maxDocument {
		return nil, slipway.Errorf(slipway.ErrInvalid, "%s has %d bytes, too many for a manifest or configuration", quote(name), r.Size())
	}
	return io.ReadAll(r)
}

// some is a few of the names, for an error message.
func (t *tarIndex) some() string {
	names := slices.Sorted(maps.Keys(t.files))
	if len(names) == 0 {
		return "nothing"
	}
	if len(names) > 3 {
		names = append(names[:3], "…")
	}
	return strings.Join(names, ", ")
}

package packager

import (
	"archive/zip"
	"context"
	"errors"
	"io"
	"io/fs"
	"strings"

	slipway "github.com/slipway-run/slipway"
)

// directoryBytes is how much of a zip's directory may be read for each entry that is
// allowed: the directory is held in memory, and its size is the sender's choice.
const directoryBytes = 256

func (x *extractor) zip(ctx context.Context, r io.ReaderAt, size int64) error {
	bounded := &boundedReaderAt{ReaderAt: r, left: 1<<20 + int64(x.budget.limits.Files)*directoryBytes, files: x.budget.limits.Files}
	zr, err := zip.NewReader(bounded, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // add judges names itself
		return archiveError(err)
	}
	bounded.off = true
	for _, f := range zr.File {
		if err := x.zipEntry(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

func (x *extractor) zipEntry(ctx context.Context, f *zip.File) error {
	// Some tools of Windows write backslashes, against the specification (4.4.17).
	name := strings.ReplaceAll(f.Name, `\`, "/")
	const encrypted = 1 << 0 // general purpose bit 0 (4.4.4)
	if f.Flags&encrypted != 0 {
		return slipway.Errorf(slipway.ErrInvalid, "entry %s is encrypted; make the zip without a password", quote(name))
	}
	it := item{name: name, mode: f.Mode(), time: f.Modified}
	if strings.HasSuffix(name, "/") {
		it.mode = fs.ModeDir | 0o755
	}
	if it.mode.IsDir() {
		return x.add(it)
	}
	if f.UncompressedSize64 > uint64(x.budget.limits.Bytes) {
		return tooLarge(x.budget.limits.Bytes)
	}
	it.size = int64(f.UncompressedSize64)
	content, err := f.Open()
	if err != nil {
		return entryError(name, archiveError(err))
	}
	defer content.Close()
	// The reader of archive/zip ends with an error when there is more than was announced.
	it.content = contextReader{ctx, content}
	if it.mode.Type() == fs.ModeSymlink {
		target, err := io.ReadAll(io.LimitReader(it.content, maxPath+1))
		if err != nil {
			return entryError(name, archiveError(err))
		}
		it.target = string(target)
	}
	return x.add(it)
}

// boundedReaderAt fails when more than left bytes are read, until it is switched off.
type boundedReaderAt struct {
	io.ReaderAt
	left  int64
	files int // to be named in the error
	off   bool
}

func (b *boundedReaderAt) ReadAt(p []byte, at int64) (int, error) {
	if b.off {
		return b.ReaderAt.ReadAt(p, at)
	}
	if b.left -= int64(len(p)); b.left < 0 {
		return 0, slipway.Errorf(slipway.ErrTooLarge, "it has more than %d entries, which is the limit", b.files)
	}
	return b.ReaderAt.ReadAt(p, at)
}

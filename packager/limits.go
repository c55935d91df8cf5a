package packager

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"

	slipway "github.com/slipway-run/slipway"
)

// extractLimits bounds what an archive may unpack to.
type extractLimits struct {
	Bytes int64 // of all files together
	Files int   // entries of any type
}

// or is l with the defaults where nothing is said.
func (l extractLimits) or(bytes int64, files int) extractLimits {
	return extractLimits{cmp.Or(l.Bytes, bytes), cmp.Or(l.Files, files)}
}

// stream is how long an uncompressed tar within the limits can be: each entry has
// headers and padding. It bounds the work that a compressed nothing can cause.
func (l extractLimits) stream() int64 { return l.Bytes + int64(l.Files)*4096 + 1<<20 }

// budget is what is left of limits while an archive is unpacked.
type budget struct {
	limits extractLimits
	bytes  int64
	files  int
}

// entry accounts for one entry with size bytes of content.
func (b *budget) entry(size int64) error {
	b.files++
	if b.files > b.limits.Files {
		return slipway.Errorf(slipway.ErrTooLarge, "it has more than %d entries, which is the limit", b.limits.Files)
	}
	return b.grow(size)
}

func (b *budget) grow(n int64) error {
	if n < 0 || n > b.limits.Bytes-b.bytes {
		return tooLarge(b.limits.Bytes)
	}
	b.bytes += n
	return nil
}

func tooLarge(limit int64) error {
	return slipway.Errorf(slipway.ErrTooLarge, "it unpacks to more than %s, which is the limit", mebibytes(limit))
}

// mebibytes is a number of bytes for a person.
func mebibytes(n int64) string {
	if n >= 1<<20 && n%(1<<20) == 0 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d bytes", n)
}

// boundedReader fails with ErrTooLarge instead of giving more than left bytes.
type boundedReader struct {
	r     io.Reader
	left  int64
	limit int64 // to be named in the error
}

func (b *boundedReader) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.r.Read(p)
	b.left -= int64(n)
	if b.left < 0 {
		return 0, tooLarge(b.limit)
	}
	return n, err
}

// archiveError tells an archive that is damaged, which is its maker's fault, from a
// machine that cannot read or write: such errors come from the kernel.
func archiveError(err error) error {
	var (
		known *slipway.Error
		path  *fs.PathError
		errno syscall.Errno
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known), errors.As(err, &path), errors.As(err, &errno), stopped(err):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return slipway.Errorf(slipway.ErrInvalid, "the archive is incomplete: it ends too early")
	default:
		return slipway.Errorf(slipway.ErrInvalid, "the archive is damaged: %w", err)
	}
}

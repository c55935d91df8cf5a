package packager

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	slipway "github.com/slipway-run/slipway"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Blobs is a store of bytes by digest ("sha256:…"), shared by all machines of a
// cluster. Open's error for a blob that does not exist is slipway.ErrNotFound; Put
// must refuse content that does not have the digest.
type Blobs interface {
	Has(ctx context.Context, digest string) (bool, error)
	Open(ctx context.Context, digest string) (io.ReadCloser, int64, error)
	Put(ctx context.Context, digest string, size int64, r io.Reader) error
}

var _ Blobs = (*Store)(nil)

// Has says whether Open would find the blob: here, or upstream.
func (s *Store) Has(ctx context.Context, digest string) (bool, error) {
	h, err := parseDigest(digest)
	if err != nil {
		return false, err
	}
	if s.hasLocal(h) || s.upstream == nil {
		return s.hasLocal(h), nil
	}
	return s.upstream.Has(ctx, digest)
}

// Open opens a blob and says how many bytes it has. A blob that is only upstream is
// fetched, verified and kept first.
func (s *Store) Open(ctx context.Context, digest string) (io.ReadCloser, int64, error) {
	h, err := parseDigest(digest)
	if err != nil {
		return nil, 0, err
	}
	if err := s.fetch(ctx, h); err != nil {
		return nil, 0, err
	}
	return s.openLocal(h)
}

// Put keeps what r holds, which must have the digest, and size bytes unless size is
// negative (ErrInvalid otherwise). It is on the disk when Put returns. When the blob
// is there already, r is not read.
func (s *Store) Put(ctx context.Context, digest string, size int64, r io.Reader) error {
	h, err := parseDigest(digest)
	if err != nil {
		return err
	}
	if err := s.put(ctx, h, size, r); err != nil {
		return err
	}
	return s.syncNames()
}

// Delete removes a blob from this machine; nothing happens when it is not here.
// Unpacked layers stay.
func (s *Store) Delete(_ context.Context, digest string) error {
	h, err := parseDigest(digest)
	if err != nil {
		return err
	}
	s.mu.Lock()
	delete(s.prepared, h.String())
	s.mu.Unlock()
	if err := os.Remove(s.blobPath(h)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return s.diskError("delete blob "+digest, err)
	}
	return nil
}

// parseDigest accepts sha256 alone: it is what everything in the store is named by.
func parseDigest(digest string) (v1.Hash, error) {
	h, err := v1.NewHash(digest)
	if err != nil || h.Algorithm != "sha256" {
		return v1.Hash{}, slipway.Errorf(slipway.ErrInvalid, "%q is not a digest; it is sha256: and 64 hexadecimal digits", digest)
	}
	return h, nil
}

func (s *Store) blobPath(h v1.Hash) string { return filepath.Join(s.blobDir(), h.Hex) }

func (s *Store) hasLocal(h v1.Hash) bool {
	_, err := os.Lstat(s.blobPath(h))
	return err == nil
}

func (s *Store) openLocal(h v1.Hash) (*os.File, int64, error) {
	f, err := os.Open(s.blobPath(h))
	if errors.Is(err, os.ErrNotExist) {
		return nil, 0, slipway.Errorf(slipway.ErrNotFound, "blob %s is not in the store of this machine", h)
	}
	if err != nil {
		return nil, 0, s.diskError("open blob", err)
	}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close()
		return nil, 0, s.diskError("open blob", err)
	}
	return f, info.Size(), nil
}

// fetch makes sure that a blob is on this machine.
func (s *Store) fetch(ctx context.Context, h v1.Hash) error {
	if s.hasLocal(h) {
		return nil
	}
	if s.upstream == nil {
		return slipway.Errorf(slipway.ErrNotFound, "blob %s is not in the store of this machine", h)
	}
	return s.flights.do(ctx, "blob "+h.Hex, func(ctx context.Context) error {
		r, size, err := s.upstream.Open(ctx, h.String())
		if err != nil {
			return wrap("fetch blob "+h.String(), err)
		}
		defer r.Close()
		return wrap("fetch", s.put(ctx, h, size, r))
	})
}

// upload opens the upload that a build starts from. One that had to be fetched is
// not kept: it disappears when the file is closed.
func (s *Store) upload(ctx context.Context, digest string) (*os.File, int64, error) {
	h, err := parseDigest(digest)
	if err != nil {
		return nil, 0, err
	}
	if s.hasLocal(h) || s.upstream == nil {
		return s.openLocal(h)
	}
	r, size, err := s.upstream.Open(ctx, digest)
	if err != nil {
		return nil, 0, wrap("fetch the upload", err)
	}
	defer r.Close()
	f, err := s.receive(ctx, r, func(sum v1.Hash, n int64) error { return verify(h, size, sum, n) })
	if err != nil {
		return nil, 0, wrap("fetch the upload", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		_ = f.Close()
		return nil, 0, s.diskError("fetch the upload", err)
	}
	return f, size, nil
}

// put is Put without the guarantee that the name survives a crash of the machine.
func (s *Store) put(ctx context.Context, h v1.Hash, size int64, r io.Reader) error {
	if s.hasLocal(h) {
		return nil
	}
	f, err := s.receive(ctx, r, func(sum v1.Hash, n int64) error { return verify(h, size, sum, n) })
	if err != nil {
		return err
	}
	return s.adopt(f, h)
}

// receive copies r to a file in the scratch folder and asks check whether it is what
// was expected. On an error nothing is left of it.
func (s *Store) receive(ctx context.Context, r io.Reader, check func(v1.Hash, int64) error) (_ *os.File, err error) {
	f, err := s.scratch.file()
	if err != nil {
		return nil, s.diskError("store blob", err)
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, sum), contextReader{ctx, r})
	if err != nil {
		return nil, s.diskError("store blob", err)
	}
	return f, check(v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum.Sum(nil))}, n)
}

func verify(want v1.Hash, size int64, got v1.Hash, n int64) error {
	if size >= 0 && n != size {
		return slipway.Errorf(slipway.ErrInvalid, "blob %s: %d bytes were announced, %d came", want, size, n)
	}
	if got != want {
		return slipway.Errorf(slipway.ErrInvalid, "blob %s: its content is damaged, it has the digest %s", want, got)
	}
	return nil
}

// adopt gives a received file its name. The content is written to the disk before:
// a name in the store promises the content, also after the machine crashed. The
// name itself lasts after syncNames.
func (s *Store) adopt(f *os.File, h v1.Hash) error {
	err := errors.Join(f.Sync(), f.Chmod(0o600), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), s.blobPath(h))
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return s.diskError("store blob "+h.String(), err)
	}
	return nil
}

// syncNames makes the names of all adopted blobs survive a crash of the machine.
func (s *Store) syncNames() error {
	dir, err := os.Open(s.blobDir())
	if err != nil {
		return s.diskError("store blob", err)
	}
	defer dir.Close()
	return s.diskError("store blob", dir.Sync())
}

// contextReader ends with the context's error once that is done.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, fmt.Errorf("stopped: %w", context.Cause(r.ctx))
	}
	return r.r.Read(p)
}

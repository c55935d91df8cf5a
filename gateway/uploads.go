package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/slipway-run/slipway"
)

// uploads takes archives from clients: first to disk, where the digest is computed and
// the limit held, then to the blobs under that digest. They stay until no build of this
// gateway needs them.
type uploads struct {
	dir   string
	limit int64 // bytes
	blobs Blobs
	log   *slog.Logger

	mu   sync.Mutex
	held map[string]int // builds that need an upload which was not among the blobs before
}

// upload is an archive that is among the blobs.
type upload struct {
	digest string
	size   int64 // bytes
	ours   bool  // it was not among them before, except as an upload
}

// take reads an upload to its end and gives its digest. release must follow.
func (u *uploads) take(ctx context.Context, body io.Reader, length int64) (digest string, err error) {
	up, err := u.receive(ctx, body, length)
	return up.digest, err
}

// receive reads an upload to its end. release must follow, or forget when it is to stay.
func (u *uploads) receive(ctx context.Context, body io.Reader, length int64) (up upload, err error) {
	if length > u.limit {
		return up, u.tooLarge()
	}
	file, err := os.CreateTemp(u.dir, "upload-*")
	if err != nil {
		return up, diskError("make a file for the upload", err)
	}
	defer os.Remove(file.Name())
	defer file.Close()
	if up.digest, up.size, err = u.spool(file, body); err != nil {
		return up, err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return up, fmt.Errorf("read the upload: %w", err)
	}
	if up.ours, err = u.hold(ctx, up.digest); err != nil {
		return up, err
	}
	if err := u.blobs.Put(ctx, up.digest, up.size, file); err != nil {
		u.release(up.digest)
		return up, fmt.Errorf("keep the upload: %w", err)
	}
	return up, nil
}

func (u *uploads) spool(file io.Writer, body io.Reader) (digest string, size int64, err error) {
	hash := sha256.New()
	in := &sourceReader{r: io.LimitReader(body, u.limit+1)}
	size, err = io.Copy(io.MultiWriter(file, hash), in)
	switch {
	case in.err != nil:
		return "", 0, slipway.Errorf(slipway.ErrInvalid, "the upload broke off after %d bytes: %w", size, in.err)
	case err != nil:
		return "", 0, diskError("write the upload", err)
	case size > u.limit:
		return "", 0, u.tooLarge()
	case size == 0:
		return "", 0, slipway.Errorf(slipway.ErrInvalid, "the body is empty; send a tar, tar.gz or zip archive")
	}
	return "sha256:" + hex.EncodeToString(hash.Sum(nil)), size, nil
}

func (u *uploads) tooLarge() error {
	return slipway.Errorf(slipway.ErrTooLarge, "the upload is larger than %s, which is the most this gateway takes (--max-upload-mb)", sizeText(u.limit))
}

// hold counts one more build that needs digest. What was among the blobs before is not
// the upload's to delete: it may be a layer of an image.
func (u *uploads) hold(ctx context.Context, digest string) (ours bool, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.held[digest] == 0 {
		has, err := u.blobs.Has(ctx, digest)
		if err != nil || has {
			return false, err
		}
	}
	u.held[digest]++
	return true, nil
}

// forget is release for an upload that stays, because the store knows it now.
func (u *uploads) forget(digest string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.held[digest] > 1 {
		u.held[digest]--
	} else {
		delete(u.held, digest)
	}
}

// remove deletes an upload that the store has forgotten, unless it has come again.
func (u *uploads) remove(ctx context.Context, digest string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.held[digest] == 0 {
		u.delete(ctx, digest)
	}
}

// release deletes the upload when nobody needs it any more. Deleting happens under the
// lock, so that the same upload cannot arrive in between.
func (u *uploads) release(digest string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch u.held[digest] {
	case 0:
		return
	case 1:
		delete(u.held, digest)
	default:
		u.held[digest]--
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	u.delete(ctx, digest)
}

func (u *uploads) delete(ctx context.Context, digest string) {
	if err := u.blobs.Delete(ctx, digest); err != nil && !errors.Is(err, slipway.ErrNotFound) {
		u.log.Warn("deleting an upload that nobody needs", "digest", digest, "err", err)
	}
}

// sourceReader remembers its reader's error, to tell a client that broke off from a
// disk that is full.
type sourceReader struct {
	r   io.Reader
	err error
}

func (s *sourceReader) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// diskError says what to do about a full disk.
func diskError(act string, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return slipway.Errorf(slipway.ErrUnavailable, "%s: the gateway's disk is full; free some room and try again", act)
	}
	return fmt.Errorf("%s: %w", act, err)
}

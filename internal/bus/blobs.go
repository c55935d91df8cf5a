package bus

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/slipway-run/slipway"
)

const (
	blobsBucket = "slipway-blobs"
	partBytes   = 4 << 20 // of a blob in one object
)

// Blobs holds uploads, layers and manifests for a cluster, each under the digest of
// its content ("sha256:" and 64 hexadecimal digits). They are in a JetStream object
// store, replicated as Config.Replicas says.
//
// A blob is one object after the other, of 4 MiB each, and an index that is written
// last, so that what JetStream has to buffer is bounded. Each Put names its parts
// anew: who reads is not disturbed by one who writes.
type Blobs struct {
	bus   *Bus
	store jetstream.ObjectStore
}

// index says where the content of a blob is. It is the object that has its name.
type index struct {
	Size  int64  `json:"size"`
	Put   string `json:"put"` // by which the parts were made
	Parts int    `json:"parts"`
}

func (x *index) part(digest string, i int) string { return fmt.Sprintf("%s/%s/%d", digest, x.Put, i) }

func (b *Bus) openBlobs(ctx context.Context) error {
	store, err := b.js.CreateOrUpdateObjectStore(ctx, jetstream.ObjectStoreConfig{
		Bucket: blobsBucket, Description: "uploads, layers and manifests", Storage: jetstream.FileStorage, Replicas: b.cfg.Replicas,
	})
	b.blobs = &Blobs{b, store}
	return err
}

// Blobs is the cluster's blobs.
func (b *Bus) Blobs() *Blobs { return b.blobs }

// Has says whether a blob is there.
func (s *Blobs) Has(ctx context.Context, digest string) (bool, error) {
	_, err := s.store.GetInfo(ctx, digest)
	if errors.Is(err, jetstream.ErrObjectNotFound) {
		return false, nil
	}
	return err == nil, s.bus.natsError("look for blob "+digest, err)
}

// Put stores what r gives, which must be size bytes (-1: not known) with that digest;
// if not, the error is ErrInvalid and nothing is stored. A blob that is there already
// stays, and r is not read.
func (s *Blobs) Put(ctx context.Context, digest string, size int64, r io.Reader) error {
	if err := checkDigest(digest); err != nil {
		return err
	}
	if has, err := s.Has(ctx, digest); has || err != nil {
		return err
	}
	x := index{Put: slipway.NewID()}
	err := s.putParts(ctx, digest, &x, &checkedReader{r: r, digest: digest, size: size, hash: sha256.New()})
	if err == nil {
		err = s.putIndex(ctx, digest, &x)
	}
	if err != nil {
		s.dropParts(context.WithoutCancel(ctx), digest, &x)
	}
	if ctx.Err() != nil {
		return contextError(ctx)
	}
	if err != nil {
		return fmt.Errorf("store blob %s: %w", digest, err)
	}
	return nil
}

// putParts stores the content. Its error is also that of r.
func (s *Blobs) putParts(ctx context.Context, digest string, x *index, r io.Reader) error {
	part := make([]byte, partBytes)
	for {
		n, readErr := io.ReadFull(r, part)
		if n > 0 {
			if err := s.putBytes(ctx, x.part(digest, x.Parts), part[:n]); err != nil {
				return err
			}
			x.Parts++
			x.Size += int64(n)
		}
		switch {
		case readErr == io.EOF:
			return nil
		case readErr == io.ErrUnexpectedEOF: // the next read says what the end was
		case readErr != nil:
			return readErr
		}
	}
}

// storePatience is how long JetStream may be too busy, or away, for one part, and
// storeAttempt how long one attempt may take.
const (
	storePatience = time.Minute
	storeAttempt  = 15 * time.Second
)

func (s *Blobs) putBytes(ctx context.Context, name string, data []byte) error {
	ctx, cancel := context.WithTimeout(ctx, storePatience)
	defer cancel()
	return s.bus.retry(ctx, "store part of a blob", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, storeAttempt)
		defer cancel()
		_, err := s.store.PutBytes(ctx, name, data)
		return err
	})
}

// putIndex makes the blob visible, unless another Put has.
func (s *Blobs) putIndex(ctx context.Context, digest string, x *index) error {
	if has, err := s.Has(ctx, digest); err != nil {
		return err
	} else if has {
		s.dropParts(ctx, digest, x)
		return nil
	}
	data, err := json.Marshal(x)
	if err != nil {
		return err
	}
	return s.putBytes(ctx, digest, data)
}

// dropParts removes the content of a blob that has no index. What it cannot remove
// takes room and does nothing else.
func (s *Blobs) dropParts(ctx context.Context, digest string, x *index) {
	for i := range x.Parts + 1 { // the last may be stored though its acknowledgement was lost
		err := s.store.Delete(ctx, x.part(digest, i))
		if err != nil && !errors.Is(err, jetstream.ErrObjectNotFound) {
			s.bus.log.Warn("part of a blob could not be removed", "digest", digest, "err", err)
		}
	}
}

func checkDigest(digest string) error {
	if raw, err := hex.DecodeString(digest[min(len(digest), len("sha256:")):]); err != nil || len(raw) != sha256.Size || digest[:7] != "sha256:" {
		return slipway.Errorf(slipway.ErrInvalid, "%q is no digest; it must be sha256: and 64 hexadecimal digits", digest)
	}
	return nil
}

// Open gives a blob and its size. Its content is checked: the last Read gives an error
// instead of io.EOF when it is not what the digest says. The end of ctx ends the reading.
func (s *Blobs) Open(ctx context.Context, digest string) (io.ReadCloser, int64, error) {
	x, err := s.index(ctx, digest)
	if err != nil {
		return nil, 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, longest)
	r := &partsReader{ctx: ctx, cancel: cancel, blobs: s, digest: digest, index: x}
	return &blobReader{checkedReader{r: r, digest: digest, size: x.Size, hash: sha256.New()}, r}, x.Size, nil
}

func (s *Blobs) index(ctx context.Context, digest string) (x index, err error) {
	data, err := s.store.GetBytes(ctx, digest)
	switch {
	case errors.Is(err, jetstream.ErrObjectNotFound):
		return x, slipway.Errorf(slipway.ErrNotFound, "there is no blob %s in the cluster", digest)
	case ctx.Err() != nil:
		return x, contextError(ctx)
	case err != nil:
		return x, s.bus.natsError("open blob "+digest, err)
	}
	if err := json.Unmarshal(data, &x); err != nil {
		return x, slipway.Errorf(slipway.ErrInternal, "read the index of blob %s: %w", digest, err)
	}
	return x, nil
}

// Delete removes a blob; one that is not there is no error.
func (s *Blobs) Delete(ctx context.Context, digest string) error {
	x, err := s.index(ctx, digest)
	if errors.Is(err, slipway.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := s.store.Delete(ctx, digest); err != nil && !errors.Is(err, jetstream.ErrObjectNotFound) {
		return s.bus.natsError("delete blob "+digest, err)
	}
	s.dropParts(ctx, digest, &x)
	return nil
}

package bus

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/slipway-run/slipway"
)

const (
	blobsBucket    = "slipway-blobs"
	blobChunkBytes = 256 << 10
)

// Blobs holds uploads, layers and manifests for a cluster, each under the digest of
// its content ("sha256:" and 64 hexadecimal digits). They are in a JetStream object
// store, replicated as Config.Replicas says.
type Blobs struct {
	bus   *Bus
	store jetstream.ObjectStore
}

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
	checked := &checkedReader{r: r, digest: digest, size: size, hash: sha256.New()}
	_, err := s.store.Put(ctx, jetstream.ObjectMeta{Name: digest, Opts: &jetstream.ObjectMetaOptions{ChunkSize: blobChunkBytes}}, checked)
	if ctx.Err() != nil {
		return contextError(ctx)
	}
	return s.bus.natsError("store blob "+digest, err)
}

func checkDigest(digest string) error {
	if raw, err := hex.DecodeString(digest[min(len(digest), len("sha256:")):]); err != nil || len(raw) != sha256.Size || digest[:7] != "sha256:" {
		return slipway.Errorf(slipway.ErrInvalid, "%q is no digest; it must be sha256: and 64 hexadecimal digits", digest)
	}
	return nil
}

// longest bounds the reading of one blob; without a deadline the client library would
// end it after five seconds.
const longest = 24 * time.Hour

// Open gives a blob and its size. Its content is checked: the last Read gives an error
// instead of io.EOF when it is not what the digest says. The end of ctx ends the reading.
func (s *Blobs) Open(ctx context.Context, digest string) (io.ReadCloser, int64, error) {
	ctx, cancel := context.WithTimeout(ctx, longest)
	object, err := s.store.Get(ctx, digest)
	if err == nil {
		info, err := object.Info()
		if err == nil {
			size := int64(info.Size)
			return &blobReader{checkedReader{r: object, digest: digest, size: size, hash: sha256.New()}, object, cancel}, size, nil
		}
	}
	defer cancel()
	if errors.Is(err, jetstream.ErrObjectNotFound) {
		return nil, 0, slipway.Errorf(slipway.ErrNotFound, "there is no blob %s in the cluster", digest)
	}
	if ctx.Err() != nil {
		return nil, 0, contextError(ctx)
	}
	return nil, 0, s.bus.natsError("open blob "+digest, err)
}

// Delete removes a blob; one that is not there is no error.
func (s *Blobs) Delete(ctx context.Context, digest string) error {
	err := s.store.Delete(ctx, digest)
	if errors.Is(err, jetstream.ErrObjectNotFound) {
		return nil
	}
	return s.bus.natsError("delete blob "+digest, err)
}

type blobReader struct {
	checkedReader
	object io.Closer
	cancel context.CancelFunc
}

func (b *blobReader) Close() error {
	b.cancel()
	return b.object.Close()
}

// checkedReader gives an error in place of io.EOF when what came is not what was
// promised. It fills what it is given, so that chunks are whole.
type checkedReader struct {
	r      io.Reader
	digest string
	size   int64 // -1 when not known
	hash   hash.Hash
	read   int64
}

func (c *checkedReader) Read(p []byte) (int, error) {
	n, err := io.ReadFull(c.r, p)
	c.hash.Write(p[:n])
	c.read += int64(n)
	if errors.Is(err, io.ErrUnexpectedEOF) && n > 0 {
		err = nil // the end itself is reported by the next Read
	}
	if err != io.EOF {
		return n, err
	}
	if c.size >= 0 && c.read != c.size {
		return n, slipway.Errorf(slipway.ErrInvalid, "blob %s is %d bytes, where %d were announced", c.digest, c.read, c.size)
	}
	if got := "sha256:" + hex.EncodeToString(c.hash.Sum(nil)); got != c.digest {
		return n, slipway.Errorf(slipway.ErrInvalid, "blob %s arrived as %s: it changed on the way", c.digest, got)
	}
	return n, io.EOF
}

package bus

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/slipway-run/slipway"
)

// longest bounds the reading of one blob; without a deadline the client library would
// end that of a part after five seconds.
const longest = 24 * time.Hour

// blobReader is what Open gives.
type blobReader struct {
	checkedReader
	parts io.Closer
}

func (b *blobReader) Close() error { return b.parts.Close() }

// partsReader reads the parts of a blob one after the other.
type partsReader struct {
	ctx    context.Context
	cancel context.CancelFunc
	blobs  *Blobs
	digest string
	index  index
	next   int // part to open
	part   jetstream.ObjectResult
}

func (r *partsReader) Read(p []byte) (int, error) {
	for {
		if r.part == nil {
			if err := r.open(); err != nil {
				return 0, err
			}
		}
		n, err := r.part.Read(p)
		if err == io.EOF {
			_ = r.part.Close() // it was read to its end
			r.part, err = nil, nil
			if n == 0 {
				continue
			}
		}
		return n, r.explain(err)
	}
}

func (r *partsReader) open() (err error) {
	if r.next == r.index.Parts {
		return io.EOF
	}
	r.part, err = r.blobs.store.Get(r.ctx, r.index.part(r.digest, r.next))
	if err != nil {
		r.part = nil
		return r.explain(err)
	}
	r.next++
	return nil
}

func (r *partsReader) explain(err error) error {
	if err != nil && r.ctx.Err() != nil {
		return contextError(r.ctx)
	}
	return r.blobs.bus.natsError("read blob "+r.digest, err)
}

func (r *partsReader) Close() error {
	r.cancel()
	if r.part == nil {
		return nil
	}
	return r.part.Close()
}

// checkedReader gives an error in place of io.EOF when what came is not what was
// promised.
type checkedReader struct {
	r      io.Reader
	digest string
	size   int64 // -1 when not known
	hash   hash.Hash
	read   int64
}

func (c *checkedReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.hash.Write(p[:n])
	c.read += int64(n)
	if err == io.ErrUnexpectedEOF {
		return n, fmt.Errorf("it is cut short: %w", err)
	}
	if !errors.Is(err, io.EOF) {
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

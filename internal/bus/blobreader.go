package bus

import (
	"context"
	"encoding/hex"
	"fmt"
	"hash"
	"io"

	"github.com/slipway-run/slipway"
)

// partsReader reads the parts of a blob one after the other.
type partsReader struct {
	ctx     context.Context
	blobs   *Blobs
	subject string
	index   index
	next    int    // part to read
	rest    []byte // of the part before it
}

func (r *partsReader) Read(p []byte) (int, error) {
	for len(r.rest) == 0 {
		if r.next == r.index.Parts {
			return 0, io.EOF
		}
		if err := r.fetch(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func (r *partsReader) fetch() error {
	part, err := r.blobs.get(r.ctx, partSubject(r.subject, r.index.Put, r.next))
	switch {
	case err == nil:
		r.rest = part
		r.next++
		return nil
	case r.ctx.Err() != nil:
		return contextError(r.ctx)
	default: // deleted meanwhile, perhaps
		return r.blobs.bus.natsError(fmt.Sprintf("read part %d of blob %s", r.next, r.subject), err)
	}
}

// check is what the content of a blob must be.
type check struct {
	digest string
	size   int64 // -1 when not known
	hash   hash.Hash
	read   int64
}

// add takes the next bytes.
func (c *check) add(p []byte) {
	c.hash.Write(p)
	c.read += int64(len(p))
}

// end gives ErrInvalid when what was added is not what it must be.
func (c *check) end() error {
	if c.size >= 0 && c.read != c.size {
		return slipway.Errorf(slipway.ErrInvalid, "blob %s is %d bytes, where %d were announced", c.digest, c.read, c.size)
	}
	if got := "sha256:" + hex.EncodeToString(c.hash.Sum(nil)); got != c.digest {
		return slipway.Errorf(slipway.ErrInvalid, "blob %s arrived as %s: it changed on the way", c.digest, got)
	}
	return nil
}

// checkedReader gives an error in place of io.EOF when what came is not what it must be.
type checkedReader struct {
	r     io.Reader
	check check
}

func (c *checkedReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.check.add(p[:n])
	switch err {
	case io.EOF:
		if wrong := c.check.end(); wrong != nil {
			return n, wrong
		}
	case io.ErrUnexpectedEOF: // which io.ReadFull gives with another meaning
		return n, fmt.Errorf("the content is cut short: %w", err)
	}
	return n, err
}

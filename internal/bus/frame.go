package bus

import (
	"encoding/binary"
	"sync"
	"time"

	"github.com/slipway-run/slipway"
)

// The kinds of frame; see doc.go.
const (
	kindHead = iota + 1
	kindData
	kindEnd
	kindError
	kindCredit
	kindKeepalive
	kindCancel
)

const (
	frameBytes  = 1 + 8 + 4 + 4 // the fixed part of a frame
	chunkBytes  = 32 << 10      // of body in one data frame
	window      = 16            // data frames on their way to one reader
	inlineBytes = 64 << 10      // a body up to this size travels with its head
)

// frame is one message of a call.
type frame struct {
	kind    byte
	call    uint64
	number  uint32
	limit   uint32
	payload []byte // of the message: not copied
}

// parseFrame reads the fixed part; false means that b is no frame.
func parseFrame(b []byte) (frame, bool) {
	if len(b) < frameBytes || b[0] < kindHead || b[0] > kindCancel {
		return frame{}, false
	}
	return frame{
		kind:    b[0],
		call:    binary.BigEndian.Uint64(b[1:]),
		number:  binary.BigEndian.Uint32(b[9:]),
		limit:   binary.BigEndian.Uint32(b[13:]),
		payload: b[frameBytes:],
	}, true
}

// putFrame writes the fixed part over the first frameBytes of b.
func putFrame(b []byte, kind byte, call uint64, number, limit uint32) {
	b[0] = kind
	binary.BigEndian.PutUint64(b[1:], call)
	binary.BigEndian.PutUint32(b[9:], number)
	binary.BigEndian.PutUint32(b[13:], limit)
}

// numbered says whether frames of this kind take a number.
func numbered(kind byte) bool { return kind <= kindError }

// buffers holds what frames are built in: NATS copies what it is given.
type buffers struct{ pool sync.Pool }

func newBuffers() *buffers {
	return &buffers{sync.Pool{New: func() any {
		b := make([]byte, frameBytes, frameBytes+chunkBytes)
		return &b
	}}}
}

// take gives a buffer that has room for the fixed part of a frame and nothing more in it.
func (p *buffers) take() *[]byte {
	b := p.pool.Get().(*[]byte)
	*b = (*b)[:frameBytes]
	return b
}

// maxPooled keeps an unusual message from being kept for ever.
const maxPooled = 2 * inlineBytes

func (p *buffers) give(b *[]byte) {
	if cap(*b) <= maxPooled {
		p.pool.Put(b)
	}
}

// appendError writes the payload of an error frame.
func appendError(b []byte, err error) []byte {
	b = appendString(b, slipway.Code(err))
	b = binary.AppendVarint(b, int64(slipway.RetryAfter(err)))
	return appendString(b, err.Error())
}

func parseError(payload []byte) error {
	d := decoder{s: string(payload)}
	code, retry, message := d.string(), d.varint(), d.string()
	if d.failed {
		return errMalformed("error")
	}
	return &slipway.Error{Kind: slipway.KindOf(code), Message: message, RetryAfter: time.Duration(retry)}
}

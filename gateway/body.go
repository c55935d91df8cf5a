package gateway

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/slipway-run/slipway"
)

// smallBody is a length up to which a body is read before the event is sent, so that it
// can be sent again to another invoker. Longer ones stream and are sent once.
const smallBody = 16 << 10

// eventBody is the body of an event on its way into a round trip.
type eventBody struct {
	small  []byte      // when small
	stream *streamBody // else
	pipe   *io.PipeReader
	feed   *io.PipeWriter // of an upgrade: what the client sends after the switch
}

// takeBody takes the body of r, and its length or -1. The body of an upgrade is what the
// client sends after the switch.
func takeBody(w http.ResponseWriter, r *http.Request, upgrade bool) (eventBody, int64, error) {
	if !upgrade {
		delete(r.Header, "Upgrade") // an offer that nobody takes up, such as h2c
	}
	switch {
	case upgrade:
		pr, pw := io.Pipe()
		return eventBody{pipe: pr, feed: pw}, -1, nil
	case r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0:
		return eventBody{}, 0, nil
	case r.ContentLength > 0 && r.ContentLength <= smallBody:
		small := make([]byte, r.ContentLength)
		if _, err := io.ReadFull(r.Body, small); err != nil {
			return eventBody{}, 0, slipway.Errorf(slipway.ErrInvalid, "the body ended before its Content-Length: %w", err)
		}
		return eventBody{small: small}, r.ContentLength, nil
	default:
		if r.ProtoMajor == 1 { // later ones are always so
			_ = http.NewResponseController(w).EnableFullDuplex()
		}
		return eventBody{stream: &streamBody{r: r.Body}}, r.ContentLength, nil
	}
}

// expectTrailer has req carry the trailer of r, which comes after its body, if one can
// come. The head announces the names that the client has announced; net/http has taken
// them out.
func expectTrailer(r *http.Request, req *slipway.Request) {
	if req.Body == nil || r.Trailer == nil && r.ContentLength >= 0 {
		return
	}
	if len(r.Trailer) > 0 {
		req.Header["Trailer"] = []string{strings.Join(slices.Sorted(maps.Keys(r.Trailer)), ", ")}
	}
	req.Trailer = func() slipway.Header { return slipway.Header(r.Trailer) }
}

// reader is the body from its beginning.
func (b eventBody) reader() io.ReadCloser {
	switch {
	case b.pipe != nil:
		return b.pipe
	case b.stream != nil:
		return b.stream
	case b.small != nil:
		return io.NopCloser(bytes.NewReader(b.small))
	default:
		return nil
	}
}

// rewind says whether the body can be sent once more.
func (b eventBody) rewind() bool {
	switch {
	case b.pipe != nil:
		return true // nothing was fed before the answer
	case b.stream != nil:
		return !b.stream.touched.Load()
	default:
		return true
	}
}

// close ends whoever still reads.
func (b eventBody) close() {
	if b.feed != nil {
		b.feed.CloseWithError(errors.New("the event has ended"))
	}
}

// streamBody knows whether anything was read from it. Closing it is left to the server
// it came from, so that a body which was not touched can be given to another invoker.
type streamBody struct {
	r       io.Reader
	touched atomic.Bool
}

func (b *streamBody) Read(p []byte) (int, error) {
	b.touched.Store(true)
	return b.r.Read(p)
}

func (b *streamBody) Close() error { return nil }

// limitedBody ends with ErrTooLarge once more than left bytes were read.
type limitedBody struct {
	r           io.Reader
	left, limit int64
	over        atomic.Bool
}

func (b *limitedBody) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		b.over.Store(true)
		return 0, errTooLarge(b.limit)
	}
	return n, err
}

func errTooLarge(limit int64) error {
	return slipway.Errorf(slipway.ErrTooLarge, "the body is larger than %s, which is the most that this call takes", sizeText(limit))
}

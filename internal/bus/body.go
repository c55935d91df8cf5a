package bus

import (
	"io"
	"sync"
)

// inlineBody is a body that came with its head.
type inlineBody struct{ rest []byte }

func (b *inlineBody) Read(p []byte) (int, error) {
	if len(b.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

// WriteTo saves io.Copy its buffer.
func (b *inlineBody) WriteTo(w io.Writer) (int64, error) {
	if len(b.rest) == 0 {
		return 0, nil
	}
	n, err := w.Write(b.rest)
	b.rest = b.rest[n:]
	return int64(n), err
}

// Close does nothing, so that it may be called while something reads.
func (b *inlineBody) Close() error { return nil }

// closeOnce closes a body once, though two goroutines have reason to.
type closeOnce struct {
	io.ReadCloser
	once sync.Once
	err  error
}

func (c *closeOnce) Close() error {
	c.once.Do(func() { c.err = c.ReadCloser.Close() })
	return c.err
}

// streamBody reads the body that the other end of a call sends.
type streamBody struct {
	x       *exchange
	unwatch func() bool // caller: ends the watch of its context
	chunk   []byte
	pending uint32 // frames read that the other end has not heard of
}

func (b *streamBody) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(b.chunk) == 0 {
		if err := b.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, b.chunk)
	b.advance(n)
	return n, nil
}

// WriteTo writes each frame as it came, without a copy.
func (b *streamBody) WriteTo(w io.Writer) (total int64, err error) {
	for {
		for len(b.chunk) == 0 {
			if err := b.fill(); err == io.EOF {
				return total, nil
			} else if err != nil {
				return total, err
			}
		}
		n, err := w.Write(b.chunk)
		b.advance(n)
		total += int64(n)
		if err != nil {
			return total, err
		}
	}
}

func (b *streamBody) fill() (err error) {
	if b.chunk, err = b.x.next(); err != nil && b.unwatch != nil {
		b.unwatch()
	}
	return err
}

func (b *streamBody) advance(n int) {
	if b.chunk = b.chunk[n:]; len(b.chunk) == 0 {
		b.chunk = nil
		b.x.readOne(&b.pending)
	}
}

// Close ends the whole call when the caller does it, and only the reading when the
// handler does.
func (b *streamBody) Close() error {
	if b.unwatch != nil {
		b.unwatch()
		b.x.abort(io.ErrClosedPipe)
	}
	b.x.dismiss()
	return nil
}

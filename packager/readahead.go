package packager

import (
	"io"
	"sync"
)

// readAhead reads in a goroutine of its own, a little ahead of its reader: a layer is
// decompressed on one processor while its files are written on another.
type readAhead struct {
	full, free chan chunk
	stop       chan struct{}
	running    sync.WaitGroup

	now  chunk  // being read
	left []byte // what has not been read of it
}

// chunk is what one round of reading brought; err is what came after it.
type chunk struct {
	buf []byte
	n   int
	err error
}

// The reader is ahead by at most this much.
const (
	aheadChunks = 4
	aheadBytes  = 256 << 10
)

// newReadAhead begins to read r. It must be closed before r is.
func newReadAhead(r io.Reader) *readAhead {
	a := &readAhead{full: make(chan chunk, aheadChunks), free: make(chan chunk, aheadChunks), stop: make(chan struct{})}
	for range aheadChunks {
		a.free <- chunk{buf: make([]byte, aheadBytes)}
	}
	a.running.Go(func() { a.fill(r) })
	return a
}

func (a *readAhead) fill(r io.Reader) {
	for {
		select {
		case <-a.stop:
			return
		case c := <-a.free:
			for c.n, c.err = 0, nil; c.n < len(c.buf) && c.err == nil; {
				var n int
				n, c.err = r.Read(c.buf[c.n:])
				c.n += n
			}
			a.full <- c // there is room for all chunks
			if c.err != nil {
				return
			}
		}
	}
}

func (a *readAhead) Read(p []byte) (int, error) {
	for len(a.left) == 0 {
		if a.now.err != nil {
			return 0, a.now.err
		}
		if a.now.buf != nil {
			a.free <- a.now
		}
		a.now = <-a.full
		a.left = a.now.buf[:a.now.n]
	}
	n := copy(p, a.left)
	a.left = a.left[n:]
	return n, nil
}

// Close ends the reading and waits for that.
func (a *readAhead) Close() error {
	close(a.stop)
	a.running.Wait()
	return nil
}

package streams

import (
	"bytes"
	"os"
	"sync"
	"syscall"
)

// stream is one standard stream of a process. Whoever wants to know what was printed
// until now reads it, too: what the process had written when it gave its answer is there,
// but the goroutine that waits for it may be a moment late.
type stream struct {
	o    *Output
	name string
	r    *os.File
	conn syscall.RawConn

	mu      sync.Mutex // guards what follows
	buf     []byte
	partial []byte // a line whose end has not come yet
	unpaid  int    // bytes that others than the stream's own goroutine have read
}

func newStream(o *Output, name string, r *os.File) (*stream, error) {
	conn, err := r.SyscallConn()
	if err != nil {
		return nil, err
	}
	return &stream{o: o, name: name, r: r, conn: conn, buf: make([]byte, readSize)}, nil
}

// follow reads until the end of the stream.
func (s *stream) follow() {
	defer s.r.Close()
	allowance := newAllowance()
	for {
		var n int
		var err error
		waitErr := s.conn.Read(func(fd uintptr) bool {
			n, err = s.read(int(fd))
			return err != syscall.EAGAIN
		})
		if waitErr != nil || err != nil || n == 0 {
			s.rest()
			return
		}
		s.mu.Lock()
		n += s.unpaid
		s.unpaid = 0
		s.mu.Unlock()
		allowance.spend(n, s.o.ended)
	}
}

// caughtUp bounds how much is read for one event, in bytes.
const caughtUp = 128 << 10

// catchUp reads what the process has written until now.
func (s *stream) catchUp() {
	for total := 0; total < caughtUp; {
		var n int
		var err error
		if s.conn.Control(func(fd uintptr) { n, err = s.read(int(fd)) }) != nil || err != nil || n == 0 {
			return // it is empty, or has ended, which its own goroutine finds out, too
		}
		total += n
		s.mu.Lock()
		s.unpaid += n
		s.mu.Unlock()
	}
}

// read reads once and does not wait.
func (s *stream) read(fd int) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if n, err = syscall.Read(fd, s.buf); err != syscall.EINTR {
			break
		}
	}
	if n > 0 {
		s.o.tail.write(s.buf[:n])
		s.split(s.buf[:n])
	}
	return n, err
}

// split prints the lines that are complete, and keeps what is left. mu is held.
func (s *stream) split(p []byte) {
	for {
		i := bytes.IndexByte(p, '\n')
		piece := p
		if i >= 0 {
			piece = p[:i]
		}
		for len(s.partial)+len(piece) > maxLine {
			room := maxLine - len(s.partial)
			s.o.print(s.name, append(s.partial, piece[:room]...))
			s.partial, piece = s.partial[:0], piece[room:]
		}
		if i < 0 {
			s.partial = append(s.partial, piece...)
			return
		}
		if len(s.partial) > 0 {
			piece = append(s.partial, piece...)
			s.partial = s.partial[:0]
		}
		s.o.print(s.name, piece)
		p = p[i+1:]
	}
}

// rest prints a last line without an end.
func (s *stream) rest() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.partial) > 0 {
		s.o.print(s.name, s.partial)
		s.partial = nil
	}
}

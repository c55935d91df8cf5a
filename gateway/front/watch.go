package front

import (
	"context"
	"errors"
	"net"
	"sync"
	"syscall"
	"time"
)

// patience is how long a request may take before its connection is watched.
const patience = 5 * time.Millisecond

// watch finds out whether the client goes away while its request is answered. It looks
// at what comes and leaves it there.
type watch struct {
	conn  net.Conn
	raw   syscall.RawConn // nil when it cannot be looked at
	gone  context.CancelFunc
	timer *time.Timer

	mu    sync.Mutex // guards what follows
	on    bool
	ended chan struct{} // closed when the look is over; nil when there is none
}

func (w *watch) init(conn net.Conn, gone context.CancelFunc) {
	w.conn, w.gone = conn, gone
	if sc, ok := conn.(syscall.Conn); ok {
		w.raw, _ = sc.SyscallConn() // without it nothing is watched
	}
	w.timer = time.AfterFunc(time.Hour, w.look)
	w.timer.Stop()
}

func (w *watch) begin() {
	if w.raw == nil {
		return
	}
	w.mu.Lock()
	w.on = true
	w.mu.Unlock()
	w.timer.Reset(patience)
}

// look waits for something to come; the end of the stream is the end of the client.
func (w *watch) look() {
	w.mu.Lock()
	if !w.on || w.ended != nil {
		w.mu.Unlock()
		return
	}
	ended := make(chan struct{})
	w.ended = ended
	_ = w.conn.SetReadDeadline(time.Time{}) // that of the head is over
	w.mu.Unlock()
	defer close(ended)
	over := false
	err := w.raw.Read(func(fd uintptr) bool {
		var one [1]byte
		n, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EINTR) {
			return false
		}
		over = n == 0 || err != nil
		return true
	})
	if err == nil && over {
		w.gone()
	}
}

// past is a time that ends every wait.
var past = time.Unix(1, 0)

// end says whether it has changed the deadline of reading.
func (w *watch) end() bool {
	if w.raw == nil {
		return false
	}
	w.timer.Stop()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.on = false
	if w.ended == nil {
		return false
	}
	_ = w.conn.SetReadDeadline(past)
	<-w.ended
	w.ended = nil
	_ = w.conn.SetReadDeadline(time.Time{})
	return true
}

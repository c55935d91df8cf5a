package bus

import (
	"cmp"
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"

	"github.com/slipway-run/slipway"
)

// exchange is one end of a call, the caller's or the handler's. What comes in is
// handed to it by RoundTrip, and by goroutines that it never makes wait; whoever reads
// or writes a body waits on wake.
type exchange struct {
	bus     *Bus
	call    uint64
	table   interface{ remove(*exchange) } // of its bus, which it is in
	inbox   *inbox                         // caller: where answers come
	subject string                         // caller: what it called
	cancel  context.CancelFunc             // handler: of its context

	silent atomic.Int32 // ticks since the other end said something
	quiet  atomic.Int32 // ticks since this end said something

	grant atomic.Uint32 // the limit that this end gives

	sending sync.Mutex // held for each frame, so that they leave in the order of their numbers
	number  uint32     // of the next numbered frame; only one goroutine at a time sends those
	probed  bool       // a keepalive asked for a "no responders"

	mu       sync.Mutex
	wake     sync.Cond
	peer     string         // inbox of the other end; "" when not known yet
	expect   uint32         // number of the next frame that comes
	limit    uint32         // data frames below it may be sent
	queue    [][]byte       // data that came and was not read
	unwanted bool           // the reader is closed: data is dropped
	inEnd    error          // io.EOF after the end frame, or the error of the other end
	trailer  slipway.Header // of the end frame
	err      error          // why the call is over; nil while it goes on
	source   io.Closer      // the body that is being sent
	answered bool           // caller: the event is on its way to RoundTrip
	consumed bool           // caller: nobody takes from the inbox any more
	over     chan struct{}  // caller: closed when the call is over
}

// errOver is the end of a call in which nothing is wrong.
var errOver = errors.New("the call is over")

func (b *Bus) newExchange(call uint64, table interface{ remove(*exchange) }) *exchange {
	x := &exchange{bus: b, call: call, table: table}
	x.wake.L = &x.mu
	return x
}

// receive takes a frame from the other end. reply is where it listens.
func (x *exchange) receive(f frame, reply string) {
	x.silent.Store(0)
	if f.kind == kindCancel {
		x.stop(x.errGone())
		return
	}
	x.mu.Lock()
	err := x.accept(f, reply)
	x.wake.Broadcast()
	end := x.inEnd
	x.mu.Unlock()
	switch {
	case err != nil:
		x.abort(err)
	case end == nil || x.inbox == nil: // more comes, or the handler goes on
	case end == io.EOF:
		x.stop(errOver)
	default:
		x.stop(end)
	}
}

// accept puts a frame in its place. mu is held.
func (x *exchange) accept(f frame, reply string) error {
	if x.err != nil {
		return nil
	}
	if f.number != x.expect {
		return slipway.Errorf(slipway.ErrUnavailable, "messages of a call were lost on the bus (%d came after %d); try again", f.number, x.expect)
	}
	if numbered(f.kind) {
		x.expect++
	}
	if x.peer == "" {
		x.peer = reply
	}
	x.limit = max(x.limit, f.limit)
	switch f.kind {
	case kindHead:
		x.answer(event{payload: f.payload})
	case kindData:
		return x.enqueue(f.payload)
	case kindEnd:
		x.endInput(f.payload)
	case kindError:
		x.inEnd = parseError(f.payload)
	}
	return nil
}

func (x *exchange) enqueue(data []byte) error {
	if x.unwanted {
		return nil
	}
	if len(x.queue) >= window {
		return slipway.Errorf(slipway.ErrInternal, "the other end of a call sent more than it may")
	}
	x.queue = append(x.queue, data)
	return nil
}

func (x *exchange) endInput(payload []byte) {
	x.inEnd = io.EOF
	if len(payload) == 0 {
		return
	}
	d := decoder{s: string(payload)}
	if x.trailer = d.header(); d.failed {
		x.inEnd = errMalformed("trailer")
	}
}

// next waits for data and gives it. The error is io.EOF only when all of it came.
func (x *exchange) next() ([]byte, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for len(x.queue) == 0 && x.inEnd == nil && x.err == nil {
		x.wake.Wait()
	}
	if len(x.queue) == 0 {
		return nil, cmp.Or(x.inEnd, x.err)
	}
	data := x.queue[0]
	x.queue[0] = nil
	x.queue = x.queue[1:]
	return data, nil
}

// permission waits until one more data frame may be sent.
func (x *exchange) permission() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	for x.number >= x.limit && x.err == nil {
		x.wake.Wait()
	}
	return x.err
}

// stop ends the call at this end, for the reason err. Only the first reason counts.
func (x *exchange) stop(err error) bool {
	x.mu.Lock()
	if x.err != nil {
		x.mu.Unlock()
		return false
	}
	x.err = err
	x.answer(event{err: err})
	if x.over != nil {
		close(x.over)
	}
	source := x.source
	x.wake.Broadcast()
	release := x.inbox == nil || x.consumed
	x.mu.Unlock()
	if release {
		x.table.remove(x)
	}
	if x.cancel != nil {
		x.cancel()
	}
	if source != nil {
		go source.Close() // may wait for a Read that hangs
	}
	return true
}

// abort is stop when the other end must know.
func (x *exchange) abort(err error) {
	if x.stop(err) {
		x.sendCancel()
	}
}

// closeAtEnd has the end of the call close a body that is being sent, so that a Read
// of it which hangs comes back.
func (x *exchange) closeAtEnd(source io.Closer) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.source = source
}

// dismiss drops what comes of a body from now on.
func (x *exchange) dismiss() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.unwanted, x.queue = true, nil
	if x.inEnd == nil {
		x.inEnd = io.ErrClosedPipe
	}
	x.wake.Broadcast()
}

// errGone is why a call is over that the other end has cancelled.
func (x *exchange) errGone() error {
	if x.inbox == nil {
		return slipway.Errorf(slipway.ErrUnavailable, "the caller went away")
	}
	return slipway.Errorf(slipway.ErrUnavailable, "the process that answered the call gave it up: it is shutting down, or messages were lost; try again")
}

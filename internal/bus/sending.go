package bus

import (
	"io"

	"github.com/slipway-run/slipway"
)

// send publishes one frame to the other end. b has room for the fixed part in front.
func (x *exchange) send(kind byte, b []byte) error {
	x.sending.Lock()
	defer x.sending.Unlock()
	return x.sendLocked(kind, b)
}

func (x *exchange) sendLocked(kind byte, b []byte) error {
	x.mu.Lock()
	peer := x.peer
	x.mu.Unlock()
	putFrame(b, kind, x.call, x.number, x.grant.Load())
	if numbered(kind) {
		x.number++
	}
	x.quiet.Store(0)
	return x.bus.publish(peer, x.replyTo(kind), b)
}

// replyTo is the reply subject of a frame. A caller gives its inbox in keepalives
// only: NATS then says "no responders" when the handler's process is gone.
func (x *exchange) replyTo(kind byte) string {
	if x.inbox == nil {
		return x.bus.handled.inbox
	}
	if kind != kindKeepalive {
		return ""
	}
	x.probed = true
	return x.inbox.subject
}

// sendBody sends r to its end, a frame for each Read, as the other end permits.
func (x *exchange) sendBody(r io.Reader) error {
	buf := x.bus.buffers.take()
	defer x.bus.buffers.give(buf)
	b := (*buf)[:frameBytes+chunkBytes]
	for {
		if err := x.permission(); err != nil {
			return err
		}
		n, err := r.Read(b[frameBytes:])
		if n > 0 {
			if err := x.send(kindData, b[:frameBytes+n]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// sendEnd ends a body that was read to its end; trailer may be nil.
func (x *exchange) sendEnd(trailer func() slipway.Header) error {
	b := make([]byte, frameBytes)
	if trailer != nil {
		if t := trailer(); len(t) > 0 {
			b = appendHeader(b, t)
		}
	}
	return x.send(kindEnd, b)
}

// sendError ends a body, or takes the place of the response. After the end of the call
// it says nothing: the other end has a better reason already.
func (x *exchange) sendError(err error) error {
	if !x.going() {
		return errOver
	}
	return x.send(kindError, appendError(make([]byte, frameBytes), err))
}

// sendCancel tells the other end that the call is over. That it arrives is not
// certain; what it misses, the silence tells.
func (x *exchange) sendCancel() {
	x.mu.Lock()
	to := x.peer
	x.mu.Unlock()
	if to == "" {
		to = x.subject + cancelSuffix
	}
	x.bus.sendCancel(to, x.call)
}

func (b *Bus) sendCancel(to string, call uint64) {
	var f [frameBytes]byte
	putFrame(f[:], kindCancel, call, 0, 0)
	_ = b.publish(to, "", f[:])
}

// readOne says that one frame of data was read. The other end may then send one more,
// and hears of it when half the window was read.
func (x *exchange) readOne(pending *uint32) {
	if *pending++; *pending < window/2 {
		return
	}
	x.grant.Add(*pending)
	*pending = 0
	x.mu.Lock()
	going := x.inEnd == nil && x.err == nil
	x.mu.Unlock()
	if going {
		_ = x.sendCredit() // the next frame of any kind repeats it
	}
}

func (x *exchange) sendCredit() error { return x.send(kindCredit, make([]byte, frameBytes)) }

// tick is called in every interval of keepalives.
func (x *exchange) tick(patience int32) {
	if x.silent.Add(1) > patience {
		x.abort(slipway.Errorf(slipway.ErrUnavailable, "the other end of the call has been silent for %s: its process, or the connection to it, is gone", x.bus.cfg.PeerTimeout))
		return
	}
	if x.quiet.Add(1) >= 2 {
		x.keepalive()
	}
}

func (x *exchange) keepalive() {
	x.mu.Lock()
	known := x.peer != "" && x.err == nil
	x.mu.Unlock()
	if !known || !x.sending.TryLock() { // someone sends now: that is as good
		return
	}
	defer x.sending.Unlock()
	_ = x.sendLocked(kindKeepalive, make([]byte, frameBytes))
}

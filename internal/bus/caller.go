package bus

import (
	"context"

	"github.com/nats-io/nats.go"

	"github.com/slipway-run/slipway"
)

// await takes what comes until there is the head of the response, or none can come.
func (x *exchange) await(ctx context.Context) event {
	for {
		select {
		case e := <-x.inbox.events:
			return e
		case msg := <-x.inbox.come:
			x.take(msg)
		case <-ctx.Done():
			x.abort(contextError(ctx))
			return <-x.inbox.events
		}
	}
}

// follow goes on taking what comes, after the head of a response.
func (x *exchange) follow() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.over = make(chan struct{})
	if x.err != nil {
		close(x.over)
	}
	go x.listen()
}

// listen takes what comes until the call is over.
func (x *exchange) listen() {
	defer x.settle()
	for {
		select {
		case msg := <-x.inbox.come:
			x.take(msg)
		case <-x.over:
			return
		}
	}
}

// take takes a message that came to the inbox.
func (x *exchange) take(msg *nats.Msg) {
	if len(msg.Data) == 0 {
		if msg.Header.Get("Status") == "503" {
			x.stop(x.errNobody())
		}
		return
	}
	if f, ok := parseFrame(msg.Data); ok && f.call == x.call {
		x.receive(f, msg.Reply)
		return
	}
	x.bus.stray(msg)
}

// errNobody is what "no responders" means for x.
func (x *exchange) errNobody() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.peer != "" {
		return slipway.Errorf(slipway.ErrUnavailable, "the process that answered the call is gone")
	}
	return slipway.Errorf(slipway.ErrUnavailable, "nobody serves %s", x.subject)
}

// answer gives RoundTrip what it waits for, once. mu is held.
func (x *exchange) answer(e event) {
	if x.inbox != nil && !x.answered {
		x.answered = true
		x.inbox.events <- e
	}
}

// settle says that nobody takes from the inbox any more: from now on the end of the
// call frees it.
func (x *exchange) settle() {
	x.mu.Lock()
	x.consumed = true
	over := x.err != nil
	x.mu.Unlock()
	if over {
		x.table.remove(x)
	}
}

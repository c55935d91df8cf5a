package bus

import (
	"strconv"
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/slipway-run/slipway"
)

// event is what RoundTrip waits for: a response's head, or why there is none.
type event struct {
	payload []byte
	err     error
}

// inbox is a subject to which the answers of one call at a time come.
type inbox struct {
	subject string
	events  chan event // one at most
}

// callers is the table of the calls that this process makes.
type callers struct {
	prefix string // of the inboxes' subjects

	mu    sync.Mutex
	free  []*inbox
	made  int
	calls map[string]*exchange // by the inbox's subject
}

func newCallers(prefix string) *callers {
	return &callers{prefix: prefix, calls: map[string]*exchange{}}
}

// add gives x an inbox.
func (c *callers) add(x *exchange) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.free); n > 0 {
		x.inbox, c.free = c.free[n-1], c.free[:n-1]
	} else {
		x.inbox = &inbox{subject: c.prefix + strconv.Itoa(c.made), events: make(chan event, 1)}
		c.made++
	}
	c.calls[x.inbox.subject] = x
}

// remove takes the inbox back. It is used again only when no "no responders" can be on
// its way to it.
func (c *callers) remove(x *exchange) {
	x.sending.Lock()
	probed := x.probed
	x.sending.Unlock()
	x.mu.Lock()
	heard := x.expect > 0
	x.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.calls, x.inbox.subject)
	if heard && !probed {
		c.free = append(c.free, x.inbox)
	}
}

func (c *callers) find(subject string) *exchange {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls[subject]
}

func (c *callers) appendAll(all []*exchange) []*exchange {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, x := range c.calls {
		all = append(all, x)
	}
	return all
}

// toCaller takes what comes to the inboxes of callers.
func (b *Bus) toCaller(msg *nats.Msg) {
	x := b.callers.find(msg.Subject)
	if len(msg.Data) == 0 {
		if x != nil && msg.Header.Get("Status") == "503" {
			x.stop(x.errNobody())
		}
		return
	}
	f, ok := parseFrame(msg.Data)
	if !ok {
		return
	}
	if x != nil && x.call == f.call {
		x.receive(f, msg.Reply)
		return
	}
	// A handler that does not know yet that its caller is gone.
	if msg.Reply != "" && f.kind != kindEnd && f.kind != kindError {
		b.sendCancel(msg.Reply, f.call)
	}
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

// settle says that RoundTrip has its event: from now on the end of the call frees the
// inbox.
func (x *exchange) settle() {
	x.mu.Lock()
	x.consumed = true
	over := x.err != nil
	x.mu.Unlock()
	if over {
		x.table.remove(x)
	}
}

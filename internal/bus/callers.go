package bus

import (
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// event is what RoundTrip waits for: a response's head, or why there is none.
type event struct {
	payload []byte
	err     error
}

// inbox is a subject to which the answers of one call at a time come. Whoever made the
// call takes them straight from the reader of the connection.
type inbox struct {
	subject string
	come    chan *nats.Msg
	calls   *nats.Subscription
	events  chan event // one at most
}

// inboxRoom is more messages than one call can have under way: credits bound its data.
const inboxRoom = 8 * window

// callers is the table of the calls that this process makes.
type callers struct {
	prefix string // of the inboxes' subjects

	mu    sync.Mutex
	free  []*inbox
	made  int
	calls map[*inbox]*exchange
}

func newCallers(prefix string) *callers {
	return &callers{prefix: prefix, calls: map[*inbox]*exchange{}}
}

// enter gives x an inbox, and puts it into the table.
func (b *Bus) enter(x *exchange) (err error) {
	c := b.callers
	if x.inbox = c.unused(); x.inbox.calls == nil {
		if x.inbox.calls, err = b.calls.ChanSubscribe(x.inbox.subject, x.inbox.come); err != nil {
			return b.natsError("listen on the bus", err)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls[x.inbox] = x
	return nil
}

// unused is an inbox that was used before, or a new one.
func (c *callers) unused() *inbox {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.free); n > 0 {
		in := c.free[n-1]
		c.free = c.free[:n-1]
		return in
	}
	c.made++
	return &inbox{subject: c.prefix + strconv.Itoa(c.made), come: make(chan *nats.Msg, inboxRoom), events: make(chan event, 1)}
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
	reuse := heard && !probed
	c.mu.Lock()
	delete(c.calls, x.inbox)
	if reuse {
		c.free = append(c.free, x.inbox)
	}
	c.mu.Unlock()
	if !reuse {
		go x.bus.abandon(x.inbox)
	}
}

func (c *callers) appendAll(all []*exchange) []*exchange {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, x := range c.calls {
		all = append(all, x)
	}
	return all
}

// abandon answers what still comes to an inbox that is not used again, and gives it up
// when nothing comes any more.
func (b *Bus) abandon(in *inbox) {
	defer func() { _ = in.calls.Unsubscribe() }() // fails only when the connection is closed
	silence := time.NewTimer(b.cfg.PeerTimeout)
	defer silence.Stop()
	for {
		select {
		case msg := <-in.come:
			b.stray(msg)
			silence.Reset(b.cfg.PeerTimeout)
		case <-silence.C:
			return
		case <-b.closing.Done():
			return
		}
	}
}

// stray takes a message for a call that is over: its handler may not know yet.
func (b *Bus) stray(msg *nats.Msg) {
	if f, ok := parseFrame(msg.Data); ok && msg.Reply != "" && f.kind != kindEnd && f.kind != kindError {
		b.sendCancel(msg.Reply, f.call)
	}
}

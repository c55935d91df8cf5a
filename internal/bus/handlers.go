package bus

import (
	"sync"

	"github.com/nats-io/nats.go"
)

// handled is the table of the calls that this process answers.
type handled struct {
	inbox string // of all of them

	mu    sync.Mutex
	calls map[uint64]*exchange
}

func newHandled(inbox string) *handled {
	return &handled{inbox: inbox, calls: map[uint64]*exchange{}}
}

// add says false when there is such a call already.
func (h *handled) add(x *exchange) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, twice := h.calls[x.call]; twice {
		return false
	}
	h.calls[x.call] = x
	return true
}

func (h *handled) remove(x *exchange) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.calls, x.call)
}

func (h *handled) find(call uint64) *exchange {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.calls[call]
}

func (h *handled) appendAll(all []*exchange) []*exchange {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, x := range h.calls {
		all = append(all, x)
	}
	return all
}

// toHandler takes what comes to the inbox of handlers, and cancels from callers that
// do not know their handler yet.
func (b *Bus) toHandler(msg *nats.Msg) {
	f, ok := parseFrame(msg.Data)
	if !ok {
		return
	}
	if x := b.handled.find(f.call); x != nil {
		x.receive(f, msg.Reply)
	}
}

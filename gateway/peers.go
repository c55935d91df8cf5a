package gateway

import (
	"sync"
	"time"

	"github.com/slipway-run/slipway"
)

// peerForgotten is when what a gateway has said does not count any more; it speaks once
// a second.
const peerForgotten = 3 * time.Second

// peers is what the other gateways said last.
type peers struct {
	self string

	mu   sync.Mutex // guards what follows
	said map[string]peer
}

type peer struct {
	slipway.GatewayState
	seen time.Time
}

func newPeers(self string) *peers { return &peers{self: self, said: map[string]peer{}} }

// take is what a gateway says.
func (p *peers) take(s slipway.GatewayState) {
	if s.ID == p.self {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.said[s.ID] = peer{s, time.Now()}
}

// present is what those said that were heard of lately.
func (p *peers) present(now time.Time) []slipway.GatewayState {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]slipway.GatewayState, 0, len(p.said))
	for id, said := range p.said {
		if now.Sub(said.seen) > peerForgotten {
			delete(p.said, id)
			continue
		}
		all = append(all, said.GatewayState)
	}
	return all
}

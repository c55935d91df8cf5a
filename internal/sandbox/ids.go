package sandbox

import (
	"sync"

	"github.com/slipway-run/slipway"
)

// idsPerSandbox is 16 bits, as wide as the ids that images use.
const idsPerSandbox = 1 << 16

// idPool hands out ranges of user and group ids. It goes round, so that a range is
// used again as late as possible: what a dead sandbox might have left somewhere is
// not soon a living one's.
type idPool struct {
	first uint32

	mu   sync.Mutex
	used []bool
	next int
}

func newIDPool(first, count uint32) *idPool {
	return &idPool{first: first, used: make([]bool, count/idsPerSandbox)}
}

// take gives the first id of a free range.
func (p *idPool) take() (uint32, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for range p.used {
		i := p.next
		p.next = (p.next + 1) % len(p.used)
		if !p.used[i] {
			p.used[i] = true
			return p.first + uint32(i)*idsPerSandbox, nil
		}
	}
	return 0, slipway.Errorf(slipway.ErrLimit, "all %d ranges of user ids are in use: stop sandboxes or configure a larger range", len(p.used))
}

func (p *idPool) give(first uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.used[(first-p.first)/idsPerSandbox] = false
}

package sandbox

import (
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/slipway-run/slipway"
)

// idsPerSandbox is 16 bits, as wide as the ids that images use.
const idsPerSandbox = 1 << 16

// ids are the user and group ids that sandboxes have on the host.
type ids interface {
	// take gives the first of a sandbox's ids, and a name that nobody else has now.
	take() (first uint32, name string, err error)
	give(first uint32)
	// count is how many a sandbox has.
	count() uint32
}

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

// take gives the first id of a free range, which is also its name: it is what ps(1)
// shows.
func (p *idPool) take() (uint32, string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for range p.used {
		i := p.next
		p.next = (p.next + 1) % len(p.used)
		if !p.used[i] {
			p.used[i] = true
			first := p.first + uint32(i)*idsPerSandbox
			return first, strconv.FormatUint(uint64(first), 10), nil
		}
	}
	return 0, "", slipway.Errorf(slipway.ErrLimit, "all %d ranges of user ids are in use: stop sandboxes or configure a larger range", len(p.used))
}

func (p *idPool) give(first uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.used[(first-p.first)/idsPerSandbox] = false
}

func (p *idPool) count() uint32 { return idsPerSandbox }

// sharedIDs are one range that all sandboxes have.
type sharedIDs struct {
	first, n uint32
	taken    atomic.Uint64
}

func (s *sharedIDs) take() (uint32, string, error) {
	return s.first, strconv.FormatUint(s.taken.Add(1), 10), nil
}

func (s *sharedIDs) give(uint32) {}

func (s *sharedIDs) count() uint32 { return s.n }

package gateway

import (
	"sync"
	"time"

	"github.com/slipway-run/slipway"
)

// hookSeats bound the requests to webhooks.
type hookSeats struct{ all, large hookKind }

func newHookSeats() *hookSeats {
	return &hookSeats{hookKind{most: hooksAtOnce, tenants: map[string]int{}}, hookKind{most: largeHooksAtOnce, tenants: map[string]int{}}}
}

// take takes a seat for a body of a length, -1 when that is not known. leave gives it back,
// once.
func (s *hookSeats) take(tenant string, length int64) (leave func(), err error) {
	kind := &s.all
	if length < 0 || length > largeHook {
		kind = &s.large
	}
	if !kind.take(tenant) {
		return nil, &slipway.Error{Kind: slipway.ErrLimit, Message: "webhooks: too many requests at once; send it again", RetryAfter: time.Second}
	}
	return sync.OnceFunc(func() { kind.leave(tenant) }), nil
}

// hookKind is so many seats for all tenants together. No tenant has more than are still free, so
// that those who know a webhook of one cannot take the last from the others.
type hookKind struct {
	mu      sync.Mutex
	most    int
	taken   int
	tenants map[string]int
}

func (s *hookKind) take(tenant string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tenants[tenant] >= s.most-s.taken {
		return false
	}
	s.tenants[tenant]++
	s.taken++
	return true
}

func (s *hookKind) leave(tenant string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken--
	if s.tenants[tenant]--; s.tenants[tenant] == 0 {
		delete(s.tenants, tenant)
	}
}

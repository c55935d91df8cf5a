package network

import (
	"sync"
	"time"
)

// recheck is how long a firewall that another program sets up later may stand in the
// way of sandboxes that are attached after it.
const recheck = 30 * time.Second

// watch says when it is time to look at the chains of others again.
type watch struct {
	mu   sync.Mutex
	next time.Time
}

func newWatch() *watch { return &watch{next: time.Now().Add(recheck)} }

// due is true for one caller per period.
func (w *watch) due() bool {
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	if now.Before(w.next) {
		return false
	}
	w.next = now.Add(recheck)
	return true
}

package gateway

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/gateway/choose"
)

// firstInvoker is how long a request waits when no invoker is known, as just after the
// start.
const firstInvoker = 2 * time.Second

// invokers is what the gateway knows of the invokers, for everybody who asks at once.
type invokers struct {
	joined bell // rung when one has come, or says that it goes

	mu      sync.Mutex // guards what follows
	table   *choose.Table
	news    chan struct{} // closed when an invoker has spoken; made anew by whoever waits
	waiting bool
}

func newInvokers() *invokers {
	return &invokers{table: choose.New(rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))), news: make(chan struct{})}
}

// update takes what an invoker published.
func (t *invokers) update(s slipway.InvokerState) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.table.Update(s, time.Now()) {
		t.joined.ring()
	}
	if t.waiting {
		close(t.news)
		t.news, t.waiting = make(chan struct{}), false
	}
}

// states are what the present invokers published last, by id.
func (t *invokers) states() []slipway.InvokerState {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.table.States(time.Now())
}

// wait calls try under the lock until it succeeds, again whenever an invoker has
// spoken, and gives up after firstInvoker.
func (t *invokers) wait(ctx context.Context, try func(now time.Time) bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, firstInvoker, errNoInvoker)
	defer cancel()
	for {
		t.mu.Lock()
		ok := try(time.Now())
		t.waiting = t.waiting || !ok
		news := t.news
		t.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-news:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

var errNoInvoker = &slipway.Error{
	Kind:       slipway.ErrUnavailable,
	Message:    "no invoker is running that could take this; start one with 'slipway invoker', or look at 'slipway status'",
	RetryAfter: time.Second,
}

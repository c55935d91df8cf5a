package gateway

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/bus"
)

const (
	// staleAfter is how long an invoker that says nothing is believed to be there. It
	// speaks once a second.
	staleAfter = 3 * time.Second
	// firstInvoker is how long a request waits when no invoker is known, as just after
	// the start.
	firstInvoker = 2 * time.Second
)

// invokers is what the gateway knows of the invokers: what they published last, and
// what it has given them since.
type invokers struct {
	mu      sync.Mutex
	known   map[string]*invoker
	news    chan struct{} // closed when an invoker has spoken; made anew by whoever waits
	waiting bool
	joined  bell // rung when one has come, or says that it goes
}

// invoker is one of them. Everything is guarded by invokers.mu.
type invoker struct {
	state    slipway.InvokerState
	seen     time.Time
	invoke   string // subject
	loads    map[slipway.VersionRef]*load
	promised int // MiB of the starts that this gateway caused since state came
}

// load is one version on one invoker: what was reported, corrected by what this gateway
// sent and got back since.
type load struct {
	reported slipway.VersionCount
	flying   int // events of this gateway that are there now
	counted  int // those that were there when the report came
}

func (l *load) free() int {
	if l == nil {
		return 0
	}
	return l.reported.Free - l.reported.Waiting - (l.flying - l.counted)
}

// instances is how many there are, or will be when the events under way have caused
// their starts.
func (l *load) instances(concurrency int) int {
	if l == nil {
		return 0
	}
	concurrency = max(concurrency, 1)
	return max(l.reported.Instances, min((l.flying+concurrency-1)/concurrency, l.reported.Instances+max(0, -l.free())))
}

// pressure is how many events there are for each instance.
func (l *load) pressure(concurrency int) float64 {
	n := l.instances(concurrency)
	if n == 0 {
		return 0
	}
	return float64(l.reported.Waiting+l.flying) / float64(n)
}

func newInvokers() *invokers {
	return &invokers{known: map[string]*invoker{}, news: make(chan struct{})}
}

// update takes what an invoker published.
func (t *invokers) update(s slipway.InvokerState) {
	t.mu.Lock()
	defer t.mu.Unlock()
	inv := t.known[s.ID]
	if inv == nil {
		inv = &invoker{invoke: bus.InvokeSubject(s.ID), loads: map[slipway.VersionRef]*load{}}
		t.known[s.ID] = inv
		t.joined.ring()
	}
	if inv.state.Draining != s.Draining {
		t.joined.ring()
	}
	inv.state, inv.seen, inv.promised = s, time.Now(), 0
	for ref, l := range inv.loads {
		if l.flying == 0 {
			delete(inv.loads, ref)
			continue
		}
		l.reported, l.counted = slipway.VersionCount{VersionRef: ref}, l.flying
	}
	for _, v := range s.Versions {
		inv.load(v.VersionRef).reported = v
	}
	if t.waiting {
		close(t.news)
		t.news, t.waiting = make(chan struct{}), false
	}
}

func (inv *invoker) load(ref slipway.VersionRef) *load {
	l := inv.loads[ref]
	if l == nil {
		l = &load{}
		inv.loads[ref] = l
	}
	return l
}

// present are the invokers that can take something new; those that fell silent are
// forgotten. t.mu is held.
func (t *invokers) present(now time.Time) []*invoker {
	all := make([]*invoker, 0, len(t.known))
	for id, inv := range t.known {
		switch {
		case now.Sub(inv.seen) > staleAfter:
			delete(t.known, id)
		case !inv.state.Draining:
			all = append(all, inv)
		}
	}
	return all
}

// states are what the present invokers published last, by id.
func (t *invokers) states() []slipway.InvokerState {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	states := make([]slipway.InvokerState, 0, len(t.known))
	for _, inv := range t.known {
		if now.Sub(inv.seen) <= staleAfter {
			states = append(states, inv.state)
		}
	}
	slices.SortFunc(states, func(a, b slipway.InvokerState) int { return strings.Compare(a.ID, b.ID) })
	return states
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

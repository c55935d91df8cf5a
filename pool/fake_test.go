package pool_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/pool"
)

// fake makes instances that are nothing but their life, so that tests can make starts
// slow, fail, and instances end at chosen moments.
type fake struct {
	delay time.Duration // of a start
	grace time.Duration // of a close
	chill time.Duration // of a freeze

	mu     sync.Mutex
	fail   func(n int) error // asked at the nth start
	starts int
	alive  map[slipway.VersionRef]int // from the start of Start to the end of Close
	peak   map[slipway.VersionRef]int
	memory int
	most   int // memory at its peak
	all    []*instance
}

func newFake() *fake {
	return &fake{delay: 10 * time.Millisecond, alive: map[slipway.VersionRef]int{}, peak: map[slipway.VersionRef]int{}}
}

type instance struct {
	id    string
	spec  slipway.Spec
	owner *fake
	done  chan struct{}
	unfit chan struct{}
	once  sync.Once
	ended sync.Once
	stuck error // of a thaw

	users  int  // guarded by owner.mu
	frozen bool // guarded by owner.mu
}

func (i *instance) ID() string             { return i.id }
func (i *instance) Done() <-chan struct{}  { return i.done }
func (i *instance) Unfit() <-chan struct{} { return i.unfit }
func (i *instance) end()                   { i.ended.Do(func() { close(i.done) }) }

func (i *instance) Freeze(context.Context) error {
	time.Sleep(i.owner.chill)
	i.owner.mu.Lock()
	defer i.owner.mu.Unlock()
	if i.users > 0 {
		return errBroken
	}
	i.frozen = true
	return nil
}

func (i *instance) Thaw(context.Context) error {
	i.owner.mu.Lock()
	defer i.owner.mu.Unlock()
	if i.stuck == nil {
		i.frozen = false
	}
	return i.stuck
}

func (i *instance) Reclaim(context.Context) (int64, error) {
	if !i.isFrozen() {
		return 0, errBroken
	}
	return 100 << 20, nil
}

func (i *instance) isFrozen() bool {
	i.owner.mu.Lock()
	defer i.owner.mu.Unlock()
	return i.frozen
}

func (i *instance) Close() error {
	i.once.Do(func() {
		time.Sleep(i.owner.grace)
		i.end()
		i.owner.count(i.spec, -1)
	})
	return nil
}

func (f *fake) count(spec slipway.Spec, by int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.alive[spec.VersionRef] += by
	f.peak[spec.VersionRef] = max(f.peak[spec.VersionRef], f.alive[spec.VersionRef])
	f.memory += by * spec.Config.MemoryMB
	f.most = max(f.most, f.memory)
}

func (f *fake) Start(ctx context.Context, spec slipway.Spec) (slipway.Instance, error) {
	f.count(spec, 1)
	f.mu.Lock()
	f.starts++
	n, fail := f.starts, f.fail
	f.mu.Unlock()
	select {
	case <-time.After(f.delay):
	case <-ctx.Done():
		f.count(spec, -1)
		return nil, ctx.Err()
	}
	if fail != nil {
		if err := fail(n); err != nil {
			f.count(spec, -1)
			return nil, err
		}
	}
	i := &instance{id: fmt.Sprintf("i%d", n), spec: spec, owner: f, done: make(chan struct{}), unfit: make(chan struct{})}
	f.mu.Lock()
	f.all = append(f.all, i)
	f.mu.Unlock()
	return i, nil
}

func (f *fake) started() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.starts
}

func (f *fake) running() (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, k := range f.alive {
		n += k
	}
	return n
}

var errBroken = errors.New("the process exited with exit status 3")

func spec(function string, change ...func(*slipway.Config)) slipway.Spec {
	c := slipway.DefaultConfig()
	for _, f := range change {
		f(&c)
	}
	return slipway.Spec{VersionRef: slipway.VersionRef{Tenant: "default", Function: function, Version: 1}, Config: c}
}

func maxInstances(n int) func(*slipway.Config) {
	return func(c *slipway.Config) { c.Scaling.Max = n }
}

func concurrency(n int) func(*slipway.Config) {
	return func(c *slipway.Config) { c.Scaling.Concurrency = n }
}

// start runs a pool until the test ends, and then checks that nothing is left.
func start(t *testing.T, f *fake, cfg pool.Config) *pool.Pool {
	t.Helper()
	p := pool.New(cfg, f, slog.New(slog.DiscardHandler))
	ctx, stop := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- p.Run(ctx) }()
	t.Cleanup(func() {
		ended, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := p.Drain(ended); err != nil {
			t.Errorf("Drain: %v", err)
		}
		stop()
		if err := <-ran; err != nil {
			t.Errorf("Run: %v", err)
		}
		if n := f.running(); n != 0 {
			t.Errorf("%d instances are left after Drain", n)
		}
	})
	return p
}

func acquire(t *testing.T, p *pool.Pool, s slipway.Spec) slipway.Lease {
	t.Helper()
	l, err := p.Acquire(t.Context(), s, 0)
	if err != nil {
		t.Fatalf("Acquire: %v", err)
	}
	return l
}

package pool

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/slipway-run/slipway"
)

// Starter makes instances.
type Starter interface {
	// Start returns an instance that is ready for events. It ends soon after ctx
	// does. On an error nothing is left.
	Start(ctx context.Context, spec slipway.Spec) (slipway.Instance, error)
}

// Config bounds a pool. The zero value of a field means the default.
type Config struct {
	// MemoryMB is what may be promised to instances, in MiB; 0 is no bound.
	MemoryMB int
	// MaxWaiting is how many may wait for an instance of one version; 1000.
	MaxWaiting int
	// Sweep is how often idle instances and back-offs are looked at; 250ms.
	Sweep time.Duration
}

const (
	defaultMaxWaiting = 1000
	defaultSweep      = 250 * time.Millisecond
)

// Pool gives leases on instances. Its methods may be called from several goroutines.
type Pool struct {
	cfg     Config
	starter Starter
	log     *slog.Logger
	changed chan struct{}

	starting context.Context // of every start; ended by Drain
	halt     context.CancelFunc
	running  sync.WaitGroup // starts and closes under way

	mu     sync.Mutex // guards what follows
	ledger ledger
	empty  chan struct{} // closed when draining and nothing is left
}

// New makes an empty pool; it starts nothing.
func New(cfg Config, starter Starter, log *slog.Logger) *Pool {
	if cfg.MaxWaiting <= 0 {
		cfg.MaxWaiting = defaultMaxWaiting
	}
	if cfg.Sweep <= 0 {
		cfg.Sweep = defaultSweep
	}
	p := &Pool{
		cfg: cfg, starter: starter, log: log,
		changed: make(chan struct{}, 1),
		empty:   make(chan struct{}),
		ledger:  newLedger(cfg.MemoryMB, cfg.MaxWaiting),
	}
	p.starting, p.halt = context.WithCancel(context.Background())
	return p
}

// Run stops what was idle for too long, until ctx ends. Leases are given without it
// as well.
func (p *Pool) Run(ctx context.Context) error {
	tick := time.NewTicker(p.cfg.Sweep)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			if p.do(func() { p.ledger.sweep(now) }) {
				p.signal()
			}
		}
	}
}

// Acquire gives a slot of an instance of the version, as soon as there is one. limit
// bounds the version's instances beside scaling.max; 0 is no further bound. The spec
// becomes the version's: a change of scaling takes effect with it.
//
// The error is ctx's when ctx ends first, ErrLimit when too many wait already,
// ErrUnavailable when the machine has no room or the pool drains, and the Starter's
// error when the instance that was started for this call could not be.
func (p *Pool) Acquire(ctx context.Context, spec slipway.Spec, limit int) (slipway.Lease, error) {
	if err := ctx.Err(); err != nil {
		return slipway.Lease{}, err
	}
	now := time.Now()
	var m *member
	var w *waiter
	var err error
	p.tell(func() {
		if m, err = p.ledger.take(spec, limit, now); m == nil && err == nil {
			w = p.ledger.wait(spec.VersionRef, now)
		}
	})
	switch {
	case err != nil:
		return slipway.Lease{}, err
	case m != nil:
		return p.lease(m, outcome{member: m}, 0), nil
	}
	select {
	case o := <-w.outcome:
		return p.settled(o, time.Since(now))
	case <-ctx.Done():
		return p.leave(w, ctx.Err())
	}
}

func (p *Pool) settled(o outcome, waited time.Duration) (slipway.Lease, error) {
	if o.err != nil {
		return slipway.Lease{}, o.err
	}
	return p.lease(o.member, o, waited), nil
}

// leave takes w out of its queue. A slot that was granted meanwhile is given back.
func (p *Pool) leave(w *waiter, cause error) (slipway.Lease, error) {
	p.tell(func() { p.ledger.leave(w) })
	select {
	case o := <-w.outcome:
		if o.member != nil {
			p.tell(func() { p.ledger.giveBack(o.member, time.Now()) })
		}
	default:
	}
	return slipway.Lease{}, cause
}

func (p *Pool) lease(m *member, o outcome, waited time.Duration) slipway.Lease {
	var once sync.Once
	l := slipway.Lease{Instance: m.instance, Cold: o.cold, Queue: waited}
	if o.cold {
		l.Start = min(waited, m.took)
		l.Queue = waited - l.Start
	}
	l.Release = func(reuse bool) {
		once.Do(func() { p.tell(func() { p.ledger.release(m, reuse, time.Now()) }) })
	}
	return l
}

// tell changes the ledger and lets everybody know.
func (p *Pool) tell(change func()) {
	p.do(change)
	p.signal()
}

func (p *Pool) signal() {
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

// do changes the ledger, and then does what the ledger wants done; it says whether
// there was something.
func (p *Pool) do(change func()) bool {
	p.mu.Lock()
	change()
	starts, closes, shortages := p.ledger.orders()
	p.running.Add(len(starts) + len(closes))
	if p.ledger.drained() {
		p.ledger.ended = true
		close(p.empty)
	}
	p.mu.Unlock()

	p.report(shortages)
	for _, m := range starts {
		go p.start(m)
	}
	for _, m := range closes {
		go p.close(m)
	}
	return len(starts)+len(closes) > 0
}

func (p *Pool) start(m *member) {
	defer p.running.Done()
	began := time.Now()
	instance, err := p.starter.Start(p.starting, m.spec)
	now := time.Now()
	if err != nil {
		p.log.Info("instance could not start", "tenant", m.spec.Tenant, "function", m.spec.Function,
			"version", m.spec.Version, "err", err)
		p.tell(func() { p.ledger.startFailed(m, err, now) })
		return
	}
	m.took = now.Sub(began)
	p.tell(func() { p.ledger.started(m, instance, now) })
	go p.watch(m, instance)
}

// watch tells the ledger when an instance ends by itself, or should get nothing new.
func (p *Pool) watch(m *member, instance slipway.Instance) {
	for unfit := instance.Unfit(); ; {
		select {
		case <-instance.Done():
			p.tell(func() { p.ledger.died(m, time.Now()) })
			return
		case <-unfit:
			p.tell(func() { p.ledger.unfit(m, time.Now()) })
			unfit = nil // its events are waited for
		case <-m.closed:
			return
		}
	}
}

func (p *Pool) close(m *member) {
	defer p.running.Done()
	if err := m.instance.Close(); err != nil {
		p.log.Warn("instance could not be removed", "tenant", m.spec.Tenant, "function", m.spec.Function,
			"version", m.spec.Version, "instance", m.instance.ID(), "err", err)
	}
	close(m.closed)
	p.tell(func() { p.ledger.gone(m, time.Now()) })
}

package pool

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/pool/ledger"
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

const defaultSweep = 250 * time.Millisecond

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
	ledger *ledger.Ledger
	ended  bool          // empty is closed
	empty  chan struct{} // closed when draining and nothing is left
}

// New makes an empty pool; it starts nothing.
func New(cfg Config, starter Starter, log *slog.Logger) *Pool {
	if cfg.Sweep <= 0 {
		cfg.Sweep = defaultSweep
	}
	p := &Pool{
		cfg: cfg, starter: starter, log: log,
		changed: make(chan struct{}, 1),
		empty:   make(chan struct{}),
		ledger:  ledger.New(ledger.Config{MemoryMB: cfg.MemoryMB, MaxWaiting: cfg.MaxWaiting}),
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
			if p.do(func() { p.ledger.Sweep(now) }) {
				p.signal()
			}
		}
	}
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
	orders := p.ledger.Orders()
	p.running.Add(len(orders.Start) + len(orders.Close))
	if p.ledger.Drained() && !p.ended {
		p.ended = true
		close(p.empty)
	}
	p.mu.Unlock()

	p.report(orders.Short)
	for _, m := range orders.Start {
		go p.start(m)
	}
	for _, m := range orders.Close {
		go p.close(m)
	}
	return len(orders.Start)+len(orders.Close) > 0
}

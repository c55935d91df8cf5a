package pool

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
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

// Config bounds a pool. The zero value of a field means the default; a negative
// duration means never.
type Config struct {
	// MemoryMB is what may be promised to instances and lent to jobs, in MiB; 0 is no bound.
	MemoryMB int
	// Reserve is the share of MemoryMB, from 0 to 1, that jobs leave to functions unless
	// they give it back when it is wanted, or are alone; 0.2. Below 0 they leave none.
	Reserve float64
	// MaxWaiting is how many may wait for an instance of one version; 1000.
	MaxWaiting int
	// MaxWait is how long one may wait for whom no start is under way; 30s.
	MaxWait time.Duration
	// FreezeAfter is how long an instance is idle before it gets no processor time, unless
	// scaling.background says that it needs some; 10s.
	FreezeAfter time.Duration
	// ReclaimAfter is how long an instance is idle before its memory goes to swap; 1m.
	ReclaimAfter time.Duration
	// StartRate is how many instances are started per second when more are wanted for
	// long, and StartBurst how many at once; 256 each.
	StartRate, StartBurst int
	// Pressure says which share of the last seconds something on the machine waited for
	// memory, from 0 to 1; nil means that this is not known.
	Pressure func() float64
	// Sweep is the least time between two looks at what is due; 1ms.
	Sweep time.Duration
}

const (
	defaultSweep  = time.Millisecond
	pressureEvery = time.Second
)

// Pool gives leases on instances. Its methods may be called from several goroutines.
type Pool struct {
	cfg      Config
	starter  Starter
	log      *slog.Logger
	changed  chan struct{}
	leftover atomic.Pointer[[]chan struct{}] // of those who follow what is left for jobs

	starting context.Context // of every start; ended by Drain
	halt     context.CancelFunc
	running  sync.WaitGroup // the ledger's orders under way

	sooner chan struct{} // gets a value when something is due before alarm was

	mu     sync.Mutex // guards what follows
	alarm  time.Time  // when Run looks next; zero is never
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
		sooner:  make(chan struct{}, 1),
		empty:   make(chan struct{}),
		ledger: ledger.New(ledger.Config{
			MemoryMB: cfg.MemoryMB, Reserve: cfg.Reserve, MaxWaiting: cfg.MaxWaiting, MaxWait: cfg.MaxWait,
			FreezeAfter: cfg.FreezeAfter, ReclaimAfter: cfg.ReclaimAfter,
			StartRate: cfg.StartRate, StartBurst: cfg.StartBurst,
		}),
	}
	p.starting, p.halt = context.WithCancel(context.Background())
	return p
}

// tell changes the ledger and lets everybody know.
func (p *Pool) tell(change func(now time.Time)) {
	p.do(change)
	p.signal()
}

func (p *Pool) signal() {
	ring(p.changed)
	for _, bell := range p.bells() {
		ring(bell)
	}
}

func ring(bell chan struct{}) {
	select {
	case bell <- struct{}{}:
	default:
	}
}

// do changes the ledger, and then does what the ledger wants done; it says whether
// there was something.
func (p *Pool) do(change func(now time.Time)) bool {
	p.mu.Lock()
	now := time.Now() // under the lock: for the ledger, time does not go back
	change(now)
	orders := p.ledger.Orders()
	n := orders.Len()
	if n > 0 { // after the last one, Drain may wait already
		p.running.Add(n)
	}
	if p.ledger.Drained() && !p.ended {
		p.ended = true
		close(p.empty)
	}
	p.arm(now)
	p.mu.Unlock()
	if n > 0 || len(orders.Short) > 0 { // most events ask for nothing
		p.report(orders.Short)
		p.carryOut(orders)
	}
	return n > 0
}

package batch

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/batch/life"
	"github.com/slipway-run/slipway/internal/bus"
)

// Config is how jobs are scheduled. The zero value of a field is its default.
type Config struct {
	ID        string        // of the gateway; one that starts again with the same id takes its own lease back at once
	LeaseTTL  time.Duration // a scheduler that is silent for so long is replaced; 6s
	LostAfter time.Duration // an invoker that is silent for so long has lost its attempts; 10s
	Tick      time.Duration // between two looks at what time alone changes; 250ms
	Keep      time.Duration // ended jobs are forgotten after it; 7 days

	Now func() time.Time // for tests; time.Now
}

func (c Config) withDefaults() Config {
	c.LeaseTTL = cmp.Or(c.LeaseTTL, 6*time.Second)
	c.LostAfter = cmp.Or(c.LostAfter, 10*time.Second)
	c.Tick = cmp.Or(c.Tick, 250*time.Millisecond)
	c.Keep = cmp.Or(c.Keep, 7*24*time.Hour)
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// Catalog is what jobs name.
type Catalog interface {
	Queue(ctx context.Context, tenant, name string) (slipway.Queue, error)
	Queues(ctx context.Context, tenant string) ([]slipway.Queue, error)
	Environments(ctx context.Context, tenant string) ([]slipway.ComputeEnvironment, error)
	Definition(ctx context.Context, tenant, name string, revision int) (slipway.JobDefinition, error)
}

// Jobs is where jobs are kept.
type Jobs interface {
	AddJobs(ctx context.Context, jobs []slipway.JobRecord) (stored []slipway.JobRecord, old []bool, err error)
	Job(ctx context.Context, tenant, id string) (slipway.Job, error)
	JobRecord(ctx context.Context, tenant, id string) (slipway.JobRecord, error)
	JobOutputs(ctx context.Context, num int64) (map[int]slipway.JobOutput, error)
}

// Rows is what the scheduler reads and writes.
type Rows interface {
	UnfinishedJobs(ctx context.Context, after int64, limit int) ([]slipway.JobRecord, error)
	JobSlices(ctx context.Context) ([]slipway.JobSlice, error)
	EndedChildren(ctx context.Context, slice slipway.JobSlice) ([]int, error)
	ChildOutcomes(ctx context.Context, num int64, first int, f func(from, to int, succeeded bool)) error
	JobUsage(ctx context.Context) ([]slipway.ShareUsage, error)
	CommitJobs(ctx context.Context, epoch int64, c slipway.JobChanges) error
	SweepJobs(ctx context.Context, before time.Time, limit int) (int, error)
}

// Leases says who schedules.
type Leases interface {
	JobLease(ctx context.Context) (slipway.JobLease, error)
	TakeJobLease(ctx context.Context, holder string, seen slipway.JobLease) (slipway.JobLease, error)
	BeatJobLease(ctx context.Context, epoch int64) error
	FreeJobLease(ctx context.Context, epoch int64) error
}

// Store is everything durable.
type Store interface {
	Catalog
	Jobs
	Rows
	Leases
}

// Engine is the jobs as one gateway sees them. Its methods may be called from several
// goroutines, once Run has begun.
type Engine struct {
	cfg   Config
	store Store
	bus   *bus.Bus
	log   *slog.Logger

	submissions chan submission
	leading     chan struct{} // has a value while this engine schedules
	mu          sync.Mutex
	watchers    map[string]map[chan struct{}]struct{} // by job
	outcomes    map[life.Outcome]int
}

// New makes an engine; Run runs it.
func New(cfg Config, store Store, b *bus.Bus, log *slog.Logger) *Engine {
	return &Engine{
		cfg: cfg.withDefaults(), store: store, bus: b, log: log,
		submissions: make(chan submission, 1024), leading: make(chan struct{}, 1),
		watchers: map[string]map[chan struct{}]struct{}{}, outcomes: map[life.Outcome]int{},
	}
}

// Run accepts jobs, and schedules them while no other engine does, until ctx ends.
func (e *Engine) Run(ctx context.Context) error {
	stop, err := e.bus.WatchJobChanges(e.notify)
	if err != nil {
		return err
	}
	defer stop()
	var running sync.WaitGroup
	defer running.Wait()
	running.Go(func() { e.accept(ctx) })
	e.lead(ctx)
	return nil
}

// Watch gives a channel with a value whenever a job, or a child of the array, may have
// changed; several changes may be one value. A notice can be lost: look now and then all
// the same. stop must be called.
func (e *Engine) Watch(_, id string) (changed <-chan struct{}, stop func()) {
	if parent, _, err := slipway.SplitJobID(id); err == nil {
		id = parent
	}
	ch := make(chan struct{}, 1)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.watchers[id] == nil {
		e.watchers[id] = map[chan struct{}]struct{}{}
	}
	e.watchers[id][ch] = struct{}{}
	return ch, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		if delete(e.watchers[id], ch); len(e.watchers[id]) == 0 {
			delete(e.watchers, id)
		}
	}
}

func (e *Engine) notify(ids []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, id := range ids {
		for ch := range e.watchers[id] {
			select {
			case ch <- struct{}{}:
			default:
			}
		}
	}
}

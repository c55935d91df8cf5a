package batch

import (
	"context"
	"encoding/json"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/batch/life"
	"github.com/slipway-run/slipway/batch/schedule"
)

// scheduler is the one that decides. One goroutine has it.
type scheduler struct {
	engine *Engine
	store  Store
	epoch  int64

	book  *life.Book
	board *schedule.Board
	specs specs
	last  int64 // number of the newest job that was loaded

	environments map[[2]string]string // what the board knows, by tenant and name
	queues       map[[2]string]queueRow
	invokers     map[string]*machine
	resend       map[string]*life.Slice // given by a scheduler before, which may not have come to sending it
	began        time.Time
	listened     time.Time // when something was heard last, if only itself
	current      bool      // every report has been worked in that was there at the beginning
	changed      bool      // room may be given out
	told         bool      // the first turn is over

	looked, noted, swept time.Time
	heads                map[[2]string]head
	given                []*life.Slice // in this turn

	bell    chan struct{}
	echo    chan struct{}
	reports chan reported
	states  chan slipway.InvokerState
	asks    chan ask
}

type queueRow struct {
	slipway.Queue
	text string
}

// machine is an invoker as far as it was heard of.
type machine struct {
	slipway.InvokerState
	seen  time.Time
	ended int     // attempts since the last look
	rate  float64 // of them, per second
}

// head is the first job of a queue that has state limits.
type head struct {
	num   int64
	since time.Time
}

// reported is a batch of reports; done gets whether it was recorded.
type reported struct {
	reports []slipway.AttemptReport
	waiting int
	done    chan error
}

func newScheduler(e *Engine, epoch int64) *scheduler {
	return &scheduler{
		engine: e, store: e.store, epoch: epoch,
		book: life.New(), board: schedule.New(), specs: newSpecs(e.store),
		environments: map[[2]string]string{}, queues: map[[2]string]queueRow{}, invokers: map[string]*machine{},
		resend: map[string]*life.Slice{}, heads: map[[2]string]head{}, began: e.cfg.Now(), listened: e.cfg.Now(),
		bell: make(chan struct{}, 1), echo: make(chan struct{}, 1), reports: make(chan reported), states: make(chan slipway.InvokerState, 64), asks: make(chan ask, 64),
	}
}

// fingerprint tells whether a document has changed.
func fingerprint(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// held is what attempts of a slice hold, for the board.
func held(s *life.Slice) schedule.Held {
	j := s.Owner
	return schedule.Held{Tenant: j.Tenant, Queue: j.Queue, Share: j.Share, Key: j.Key, Environment: s.Environment, Invoker: s.Invoker,
		Need: schedule.NeedOf(j.CPU, s.Memory())}
}

// run listens to everything, and takes turns until ctx ends or a turn fails.
func (s *scheduler) run(ctx context.Context, cancel context.CancelCauseFunc) error {
	e := s.engine
	stopBell, err := e.bus.WatchJobBell(func() { ring(s.bell) })
	if err != nil {
		return err
	}
	defer stopBell()
	stopEcho, err := e.bus.WatchJobEcho(func() { ring(s.echo) })
	if err != nil {
		return err
	}
	defer stopEcho()
	stopStates, err := e.bus.WatchInvokers(func(state slipway.InvokerState) {
		select {
		case s.states <- state:
		case <-ctx.Done():
		}
	})
	if err != nil {
		return err
	}
	defer stopStates()
	answering, err := e.answer(ctx, s.asks)
	if err != nil {
		return err
	}
	defer answering()
	beating, taking := make(chan struct{}), make(chan struct{})
	go func() { defer close(beating); e.beat(ctx, s.epoch, cancel) }()
	go func() { defer close(taking); s.take(ctx, cancel) }()
	err = s.turns(ctx)
	cancel(err)
	<-beating
	<-taking
	return err
}

func ring(bell chan struct{}) {
	select {
	case bell <- struct{}{}:
	default:
	}
}

// take hands reports to the turns.
func (s *scheduler) take(ctx context.Context, cancel context.CancelCauseFunc) {
	err := s.engine.bus.TakeReports(ctx, func(all []slipway.AttemptReport, waiting int) error {
		r := reported{all, waiting, make(chan error, 1)}
		select {
		case s.reports <- r:
		case <-ctx.Done():
			return ctx.Err()
		}
		select {
		case err := <-r.done:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	if err != nil {
		cancel(err)
	}
}

// input is what a turn begins with.
type input struct {
	bell    bool
	echo    bool
	tick    bool
	reports []reported
	states  []slipway.InvokerState
	asks    []ask
}

func (s *scheduler) turns(ctx context.Context) error {
	tick := time.NewTicker(s.engine.cfg.Tick)
	defer tick.Stop()
	for {
		in, ok := s.await(ctx, tick.C)
		if !ok {
			return nil
		}
		if err := s.turn(ctx, in); err != nil {
			in.refuse(err)
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
	}
}

// await waits for something to happen, and takes all of what has.
func (s *scheduler) await(ctx context.Context, tick <-chan time.Time) (in input, ok bool) {
	select {
	case <-ctx.Done():
		return in, false
	case <-s.bell:
		in.bell = true
	case <-s.echo:
		in.echo = true
	case <-tick:
		in.tick = true
	case r := <-s.reports:
		in.reports = append(in.reports, r)
	case state := <-s.states:
		in.states = append(in.states, state)
	case a := <-s.asks:
		in.asks = append(in.asks, a)
	}
	for {
		select {
		case <-s.bell:
			in.bell = true
		case <-s.echo:
			in.echo = true
		case <-tick:
			in.tick = true
		case r := <-s.reports:
			in.reports = append(in.reports, r)
		case state := <-s.states:
			in.states = append(in.states, state)
		case a := <-s.asks:
			in.asks = append(in.asks, a)
		default:
			return in, true
		}
	}
}

// refuse tells who waits for a turn that it came to nothing.
func (in input) refuse(err error) {
	for _, r := range in.reports {
		r.done <- err
	}
	for _, a := range in.asks {
		a.done <- answer{err: slipway.Errorf(slipway.ErrUnavailable, "the scheduler of jobs begins again; try again in a moment: %w", err)}
	}
}

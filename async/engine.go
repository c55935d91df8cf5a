package async

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slipway-run/slipway"
)

// Engine accepts events and runs them. Accept works before Run and after it.
type Engine struct {
	cfg   Config
	id    string // of this process; another one after a restart
	parts Parts
	log   *slog.Logger

	queues    *queues
	running   *running
	ends      chan end // to be recorded
	others    *others
	pending   bell // something is due
	delivery  bell // something is to be delivered
	sending   *destinations
	web       *http.Client
	discarded atomic.Int64
	outcomes  outcomes
}

// New makes an engine.
func New(cfg Config, parts Parts) *Engine {
	cfg = cfg.withDefaults()
	e := &Engine{
		cfg: cfg, id: slipway.NewID(), parts: parts, log: parts.Log,
		queues: newQueues(cfg.MaxRunning), running: newRunning(),
		ends: make(chan end, cfg.MaxRunning), pending: newBell(), delivery: newBell(),
		sending: newDestinations(), web: newWebClient(cfg.WebhookAllow),
	}
	e.others = newOthers(e.id, cfg.Node, cfg.Lease)
	return e
}

// Run takes events into the store, runs them and delivers their outcomes, until ctx ends.
// Then it begins nothing new, gives what runs Config.Grace to end, puts back what does not,
// and returns when all of it is recorded.
func (e *Engine) Run(ctx context.Context) error {
	if err := e.beat(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	recording, stopRecording := context.WithCancel(context.WithoutCancel(ctx))
	defer stopRecording()
	var recorder, loops sync.WaitGroup
	recorder.Go(func() { e.record(recording) })

	loops.Go(func() { e.every(ctx, e.cfg.Beat, "beat", e.beat) })
	loops.Go(func() { e.every(ctx, e.cfg.Look, "look", e.look) })
	loops.Go(func() { e.every(ctx, e.cfg.Look, "expire", e.expire) })
	loops.Go(func() { e.every(ctx, e.cfg.Clean, "clean", e.clean) })
	loops.Go(func() { e.deliverAll(ctx) })
	loops.Go(func() { e.take(ctx) })
	e.schedule(ctx)
	loops.Wait()

	e.running.finish(e.cfg.Grace)
	close(e.ends) // nobody is left who sends
	defer time.AfterFunc(e.cfg.Grace, stopRecording).Stop()
	recorder.Wait()
	return e.leave(context.WithoutCancel(ctx))
}

// bell wakes one loop. Ringing it twice before it is heard wakes once.
type bell chan struct{}

func newBell() bell { return make(bell, 1) }

func (b bell) ring() {
	select {
	case b <- struct{}{}:
	default:
	}
}

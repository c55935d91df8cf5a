package invoker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/bus"
)

// askTimeout is how long a gateway may take to answer a question.
const askTimeout = 5 * time.Second

// Invoker takes events and builds from the bus and runs them on this machine.
type Invoker struct {
	cfg      Config
	pool     Pool
	starter  *Starter
	packer   Packer
	images   Images
	jobs     JobRooms
	bus      *bus.Bus
	log      *slog.Logger
	specs    *specs
	wishes   *wishes
	draining atomic.Bool
	ready    chan struct{}  // closed when Run takes events
	news     sync.WaitGroup // changes that are being acted on
}

// New makes an Invoker; it starts nothing.
func New(cfg Config, pool Pool, starter *Starter, packer Packer, images Images, jobs JobRooms, b *bus.Bus, log *slog.Logger) *Invoker {
	i := &Invoker{cfg: cfg.withDefaults(), pool: pool, starter: starter, packer: packer, images: images, jobs: jobs, bus: b, log: log, ready: make(chan struct{}), wishes: newWishes()}
	i.specs = newSpecs(func(ctx context.Context, ref slipway.VersionRef) (spec slipway.Spec, err error) {
		err = b.Ask(ctx, bus.SpecSubject, ref, &spec)
		if err == nil && spec.Paused {
			err = pausedError{slipway.Paused(ref.Function)}
		}
		return spec, err
	})
	return i
}

// Run takes events until ctx ends. Then it takes nothing new, lets what runs finish
// within the shutdown timeout, closes all instances, and returns.
func (i *Invoker) Run(ctx context.Context) error {
	life, end := context.WithCancel(context.WithoutCancel(ctx)) // of what must outlive ctx until all is drained
	defer end()
	subs, err := i.subscribe()
	if err != nil {
		return err
	}
	stopNews, err := i.bus.WatchChanges(func(f slipway.FunctionRef) {
		i.news.Go(func() { i.changed(life, f) })
	})
	if err != nil {
		return errors.Join(err, drain(life, subs))
	}
	stopWishes, err := i.bus.WatchWishes(i.cfg.ID, i.wishes.take)
	if err != nil {
		stopNews()
		return errors.Join(err, drain(life, subs))
	}
	var speaking sync.WaitGroup
	speaking.Go(func() { i.publishStates(life) })
	speaking.Go(func() { i.fulfil(life) })
	speaking.Go(func() { i.refreshSpecs(ctx) })
	i.log.Info("invoker takes events", "invoker", i.cfg.ID, "cpu", i.cfg.CPU, "memory_mb", i.cfg.MemoryMB)
	close(i.ready)
	<-ctx.Done()
	err = i.shutDown(life, subs)
	stopNews()
	stopWishes()
	end()
	i.news.Wait()
	speaking.Wait()
	return err
}

// Ready is closed when Run takes events and builds.
func (i *Invoker) Ready() <-chan struct{} { return i.ready }

// shutDown ends the service in the order in which nothing is lost: gateways are told
// first, then nothing new is taken, what was taken finishes, and only then do the
// instances go.
func (i *Invoker) shutDown(life context.Context, subs []*bus.Subscription) error {
	i.draining.Store(true)
	i.publish()
	ctx, cancel := context.WithTimeout(life, i.cfg.ShutdownTimeout)
	defer cancel()
	return errors.Join(drain(ctx, subs), i.pool.Drain(ctx))
}

// subscribe begins to take events, builds and questions.
func (i *Invoker) subscribe() ([]*bus.Subscription, error) {
	var subs []*bus.Subscription
	for _, begin := range []func() (*bus.Subscription, error){
		func() (*bus.Subscription, error) {
			return i.bus.Serve(bus.InvokeSubject(i.cfg.ID), "", i.Invoke)
		},
		func() (*bus.Subscription, error) {
			return i.bus.Serve(bus.BuildSubject(i.cfg.ID), "", i.serveBuild)
		},
		func() (*bus.Subscription, error) {
			return i.bus.Answer(bus.InstancesSubject(i.cfg.ID), "", i.answerInstances)
		},
	} {
		sub, err := begin()
		if err != nil {
			return nil, errors.Join(fmt.Errorf("subscribe invoker %s: %w", i.cfg.ID, err), drain(context.Background(), subs))
		}
		subs = append(subs, sub)
	}
	return subs, nil
}

// drain ends subscriptions, and waits for what runs.
func drain(ctx context.Context, subs []*bus.Subscription) error {
	var errs []error
	for _, sub := range subs {
		errs = append(errs, sub.Drain(ctx))
	}
	return errors.Join(errs...)
}

package async

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/slipway-run/slipway"
)

const (
	deliveriesAtOnce  = 64
	perDestination    = 8 // of these, for one destination of one tenant
	deliveryTime      = 20 * time.Second
	deliveryClaim     = time.Minute // an engine that died leaves its deliveries to others after it
	firstDeliveryWait = time.Second
	lastDeliveryWait  = 5 * time.Minute
	deliveryAge       = 24 * time.Hour // after which a delivery that fails is given up
)

// deliverAll delivers outcomes until ctx ends, and then lets those finish that are on
// their way.
func (e *Engine) deliverAll(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	slots := make(chan struct{}, deliveriesAtOnce)
	clock := time.NewTimer(0)
	defer clock.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.delivery:
		case <-clock.C:
		}
		wait, err := e.untilDelivery(ctx)
		if err == nil && wait <= 0 { // else nothing is written
			err = e.deliverDue(ctx, slots, &all)
		}
		if len(slots) == cap(slots) { // who gives its slot back rings
			wait = e.cfg.Look
		}
		if err != nil && ctx.Err() == nil {
			e.log.Warn("looking for outcomes to deliver; trying again", "err", err)
			wait = e.cfg.Look
		}
		clock.Reset(max(wait, time.Millisecond))
	}
}

// untilDelivery is how long until something is due; at most Look, because what other
// engines put off is not told.
func (e *Engine) untilDelivery(ctx context.Context) (time.Duration, error) {
	next, err := e.parts.Store.NextDelivery(ctx)
	if err != nil || next == nil {
		return e.cfg.Look, err
	}
	return min(e.cfg.Look, next.Sub(e.cfg.Now())), nil
}

// deliverDue begins the deliveries that are due, as long as there are slots.
func (e *Engine) deliverDue(ctx context.Context, slots chan struct{}, all *sync.WaitGroup) error {
	for {
		free := cap(slots) - len(slots)
		if free == 0 {
			return nil
		}
		now := e.cfg.Now()
		due, err := e.parts.Store.ClaimDeliveries(ctx, now, now.Add(deliveryClaim), free)
		if err != nil || len(due) == 0 {
			return err
		}
		for _, d := range due {
			slots <- struct{}{}
			all.Go(func() {
				e.deliver(context.WithoutCancel(ctx), d)
				<-slots
				e.delivery.ring()
			})
		}
	}
}

// deliver tries one delivery and records what came of it.
func (e *Engine) deliver(ctx context.Context, d slipway.DueDelivery) {
	ctx, cancel := context.WithTimeout(ctx, deliveryTime)
	defer cancel()
	if !e.sending.enter(d.Tenant, d.Destination) {
		e.putOff(ctx, d, crowdWait(d.Attempts), "others of the tenant go first")
		return
	}
	err := e.send(ctx, d)
	e.sending.leave(d.Tenant, d.Destination)
	switch {
	case err == nil:
		err = e.parts.Store.EndDelivery(context.WithoutCancel(ctx), d, slipway.DeliveryDelivered, "")
	case e.cfg.Now().Sub(d.Since) > deliveryAge:
		e.log.Warn("an outcome could not be delivered and is given up", "tenant", d.Tenant, "function", d.Function, "invocation", d.Invocation, "err", err)
		err = e.parts.Store.EndDelivery(context.WithoutCancel(ctx), d, slipway.DeliveryGivenUp, err.Error())
	default:
		e.putOff(ctx, d, min(firstDeliveryWait<<min(d.Attempts, 10), lastDeliveryWait), err.Error())
		return
	}
	if err != nil { // it is tried again, under the same id
		e.log.Warn("recording a delivery", "invocation", d.Invocation, "err", err)
	}
}

// lastCrowdWait bounds the wait of an outcome for those before it.
const lastCrowdWait = 30 * time.Second

// crowdWait is how long an outcome waits when too many are on their way. It grows, and
// differs, so that the many of one tenant are not always due before the few of another.
func crowdWait(attempts int) time.Duration {
	most := min(firstDeliveryWait<<min(attempts, 10), lastCrowdWait)
	return firstDeliveryWait + time.Duration(rand.Int64N(int64(most)))
}

func (e *Engine) putOff(ctx context.Context, d slipway.DueDelivery, wait time.Duration, why string) {
	if err := e.parts.Store.PutOffDelivery(context.WithoutCancel(ctx), d, e.cfg.Now().Add(wait), why); err != nil {
		e.log.Warn("recording a delivery", "invocation", d.Invocation, "err", err)
	}
}

// send brings an outcome to its destination.
func (e *Engine) send(ctx context.Context, d slipway.DueDelivery) error {
	to, err := slipway.ParseDestination(d.Destination)
	if err == nil {
		err = to.CheckOwner(d.Tenant)
	}
	if err != nil {
		return err
	}
	i, err := e.parts.Store.Invocation(ctx, d.Tenant, d.Invocation)
	if err != nil {
		return err
	}
	event, err := e.parts.Store.Event(ctx, d.Tenant, d.Invocation)
	if err != nil {
		return err
	}
	switch to.Kind {
	case slipway.ToFunction:
		return e.toFunction(ctx, to, i, event)
	case slipway.ToQueue:
		return e.toQueue(ctx, to, i, event)
	case slipway.ToNATS:
		return e.toNATS(ctx, to, i, event)
	case slipway.ToWebhook:
		return e.toWebhook(ctx, to, i, event)
	}
	return fmt.Errorf("a destination of kind %q", to.Kind)
}

// CheckDestination says what a destination that is put into a configuration needs and does
// not have. The error is ErrInvalid.
func (e *Engine) CheckDestination(ctx context.Context, ref slipway.FunctionRef, text string) error {
	if text == "" {
		return nil
	}
	to, err := slipway.ParseDestination(text)
	if err == nil {
		err = to.CheckOwner(ref.Tenant)
	}
	if err != nil {
		return err
	}
	switch to.Kind {
	case slipway.ToFunction:
		if to.Function == ref.Function {
			return slipway.Errorf(slipway.ErrInvalid, "async: function %q cannot be its own destination; its outcomes would have outcomes for ever", ref.Function)
		}
		_, err := e.parts.Functions.AsyncSettings(ctx, slipway.FunctionRef{Tenant: ref.Tenant, Function: to.Function}, to.Qualifier)
		if errors.Is(err, slipway.ErrNotFound) {
			return slipway.Errorf(slipway.ErrInvalid, "async: the destination %s does not exist: %w", text, err)
		}
		return err
	case slipway.ToQueue:
		if e.parts.Jobs == nil {
			return slipway.Errorf(slipway.ErrInvalid, "async: the destination %s needs a server that runs jobs, and this one does not", text)
		}
	}
	return nil
}

// destinations counts what is on its way, so that a destination that is slow does not take
// the turns of the others, and no tenant those of the other tenants: it has no more than are
// still free.
type destinations struct {
	mu      sync.Mutex
	all     int
	tenants map[string]int
	n       map[string]int // by tenant and destination
}

func newDestinations() *destinations {
	return &destinations{tenants: map[string]int{}, n: map[string]int{}}
}

func (d *destinations) enter(tenant, destination string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	key := tenant + " " + destination
	if d.n[key] >= perDestination || d.tenants[tenant] >= deliveriesAtOnce-d.all {
		return false
	}
	d.n[key]++
	d.tenants[tenant]++
	d.all++
	return true
}

func (d *destinations) leave(tenant, destination string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	key := tenant + " " + destination
	d.all--
	if d.n[key]--; d.n[key] == 0 {
		delete(d.n, key)
	}
	if d.tenants[tenant]--; d.tenants[tenant] == 0 {
		delete(d.tenants, tenant)
	}
}

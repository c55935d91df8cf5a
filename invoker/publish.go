package invoker

import (
	"context"
	"encoding/json"
	"time"

	"github.com/slipway-run/slipway"
)

const (
	publishPause = 5 * time.Millisecond // between two states, at least
	publishEvery = time.Second          // at most
)

// publishStates tells the gateways about this invoker whenever something changed, and
// each second, until ctx ends.
func (i *Invoker) publishStates(ctx context.Context) {
	var jobs <-chan struct{} // nil never gets a value
	if i.jobs != nil {
		jobs = i.jobs.Changed()
	}
	pause := time.NewTimer(0)
	every := time.NewTicker(publishEvery)
	defer pause.Stop()
	defer every.Stop()
	for {
		select { // changes that come in the pause are one
		case <-pause.C:
		case <-ctx.Done():
			return
		}
		i.publish()
		select {
		case <-i.pool.Changed():
		case <-jobs:
		case <-every.C:
		case <-ctx.Done():
			return
		}
		pause.Reset(publishPause)
	}
}

func (i *Invoker) publish() {
	if err := i.bus.PublishInvoker(i.state()); err != nil {
		i.log.Debug("state not published", "invoker", i.cfg.ID, "err", err) // the next one is a second away
	}
}

func (i *Invoker) state() slipway.InvokerState {
	state := slipway.InvokerState{
		ID: i.cfg.ID, Host: i.cfg.Host, Build: i.cfg.Build,
		CPU: i.cfg.CPU, MemoryMB: i.cfg.MemoryMB, FreeMemoryMB: i.pool.FreeMemoryMB(),
		Draining: i.draining.Load(), At: time.Now(), Versions: i.pool.Counts(),
	}
	if i.jobs != nil {
		state.Jobs = i.jobs.Room()
	}
	return state
}

// answerInstances lists the instances of a function, or of all when it is asked for
// null.
func (i *Invoker) answerInstances(_ context.Context, in []byte) (any, error) {
	var ref *slipway.FunctionRef
	if err := json.Unmarshal(in, &ref); err != nil {
		return nil, slipway.Errorf(slipway.ErrInvalid, "which function's instances? %w", err)
	}
	infos := i.pool.Instances(ref)
	for n := range infos {
		infos[n].Invoker = i.cfg.ID
		i.starter.running.describe(&infos[n])
	}
	return infos, nil
}

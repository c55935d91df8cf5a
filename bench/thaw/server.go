package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/bench/rig"
)

// patience bounds every wait: it is passed only when something hangs.
const patience = 30 * time.Second

// function is the program deployed on a whole server, with one instance.
type function struct {
	*rig.Server
	name string
}

// frozenFunctions is how many take turns, because it takes its time until the pool freezes
// an instance.
const frozenFunctions = 15

// addServer starts a server. Its pool freezes an instance that was idle for a while.
func (b *bench) addServer(ctx context.Context, program string) error {
	server, err := rig.Start(ctx, b.binary)
	if err != nil {
		return err
	}
	b.stops = append(b.stops, server.Stop)
	warm, err := deploy(ctx, server, program, "warm")
	if err != nil {
		return err
	}
	b.add(&contender{name: "slipway serve, warm", rounds: b.rounds, answer: warm.answer})
	frozen := make([]*function, frozenFunctions)
	for i := range frozen {
		if frozen[i], err = deploy(ctx, server, program, fmt.Sprintf("frozen-%d", i)); err != nil {
			return err
		}
	}
	for _, f := range frozen {
		if err := f.awaitFrozen(ctx); err != nil {
			b.missing = append(b.missing, fmt.Sprintf("slipway serve, frozen (%v)", err))
			return nil
		}
	}
	turn := 0
	b.add(&contender{
		name: "slipway serve, frozen", rounds: b.peerRounds,
		pause:  func(ctx context.Context) error { turn++; return frozen[turn%frozenFunctions].awaitFrozen(ctx) },
		answer: func(ctx context.Context) error { return frozen[turn%frozenFunctions].answer(ctx) },
	})
	return nil
}

// deploy returns when the function has answered once.
func deploy(ctx context.Context, server *rig.Server, program, name string) (*function, error) {
	f := &function{Server: server, name: name}
	if said, err := f.Command(ctx, "deploy", filepath.Dir(program), "--name", name); err != nil {
		return nil, fmt.Errorf("deploy: %w: %s", err, said)
	}
	return f, f.answer(ctx)
}

// answer sends an event, and does not take a cold start for an answer.
func (f *function) answer(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, "GET", f.URL+"/fn/"+f.name+"/", nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.Header.Get("X-Slipway-Cold-Start") == "true" {
		return errors.New("the event was a cold start")
	}
	return rig.CheckAnswer(res)
}

func (f *function) awaitFrozen(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("no instance was frozen within %s", patience))
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		var list slipway.List[slipway.InstanceInfo]
		if err := f.API(ctx, "GET", "/v1/functions/"+f.name+"/instances", "", &list); err != nil && ctx.Err() == nil {
			return err
		}
		if len(list.Items) == 1 && (list.Items[0].State == slipway.InstanceFrozen || list.Items[0].State == slipway.InstanceReclaimed) {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

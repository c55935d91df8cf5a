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

// function is the program deployed on a whole server.
type function struct {
	*rig.Server
	name string
}

// addServer starts a server. Its pool freezes an instance that was idle for a while.
func (b *bench) addServer(ctx context.Context, program string) error {
	server, err := rig.Start(ctx, b.binary)
	if err != nil {
		return err
	}
	b.stops = append(b.stops, server.Stop)
	f := &function{Server: server, name: "thaw"}
	if said, err := f.Command(ctx, "deploy", filepath.Dir(program), "--name", f.name); err != nil {
		return fmt.Errorf("deploy: %w: %s", err, said)
	}
	if err := f.answer(ctx); err != nil {
		return err
	}
	b.add(&contender{name: "slipway serve, warm", rounds: b.rounds, answer: f.answer})
	if err := f.awaitFrozen(ctx); err != nil {
		b.missing = append(b.missing, fmt.Sprintf("slipway serve, frozen (%v)", err))
		return nil
	}
	b.add(&contender{name: "slipway serve, frozen", rounds: b.peerRounds, pause: f.awaitFrozen, answer: f.answer})
	return nil
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

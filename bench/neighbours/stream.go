package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/slipway-run/slipway/bench/rig"
)

// stream sends the neighbour a request at every tick and gives how long after the tick
// each was answered. One that is late makes those behind it late: that is what their
// senders would notice.
func (b *bench) stream(ctx context.Context) (took []time.Duration, err error) {
	if err := b.ask(ctx); err != nil { // warm
		return nil, err
	}
	began := time.Now()
	for n := range int(b.duration / b.every) {
		due := began.Add(time.Duration(n) * b.every)
		if err := sleepUntil(ctx, due); err != nil {
			return took, err
		}
		if err := b.ask(ctx); err != nil {
			return took, err
		}
		took = append(took, time.Since(due))
	}
	return took, nil
}

func (b *bench) ask(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, "GET", b.server.URL+"/fn/"+neighbour+"/", nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	return rig.CheckAnswer(res)
}

func sleepUntil(ctx context.Context, t time.Time) error {
	select {
	case <-time.After(time.Until(t)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// settle waits until the hostile function does nothing more.
func (b *bench) settle(ctx context.Context) error {
	for range 600 {
		var list struct {
			Items []struct {
				InFlight int `json:"in_flight"`
			}
		}
		if err := b.server.API(ctx, "GET", "/v1/functions/"+hostile+"/instances", "", &list); err != nil {
			return err
		}
		busy := 0
		for _, i := range list.Items {
			busy += i.InFlight
		}
		if busy == 0 {
			return nil
		}
		if err := sleepUntil(ctx, time.Now().Add(50*time.Millisecond)); err != nil {
			return err
		}
	}
	return errors.New("the hostile function does not end")
}

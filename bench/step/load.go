package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// event is one that was sent.
type event struct {
	sent     time.Duration // after the step; negative is before it
	took     time.Duration
	instance string // that answered; "" when none did
}

// round is what happened around one step.
type round struct {
	events []event // by the time of their answers
	first  time.Duration
	drops  int
}

// load sends with one connection, takes the step, and sends with all.
func (b *bench) load(ctx context.Context, url string) round {
	ctx, cancel := context.WithTimeout(ctx, b.before+b.duration)
	defer cancel()
	step := time.Now().Add(b.before)
	each := make([][]event, b.clients)
	var all sync.WaitGroup
	for i := range each {
		all.Go(func() {
			if i > 0 {
				<-time.After(time.Until(step))
			}
			each[i] = send(ctx, url, step)
		})
	}
	all.Wait()
	return summarise(slices.Concat(each...))
}

// send sends one event after the other until ctx ends. The one that it cuts off is not
// counted.
func send(ctx context.Context, url string, step time.Time) (sent []event) {
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for ctx.Err() == nil {
		began := time.Now()
		instance, err := ask(ctx, client, url)
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			instance = ""
		}
		sent = append(sent, event{sent: began.Sub(step), took: time.Since(began), instance: instance})
	}
	return sent
}

func ask(ctx context.Context, client *http.Client, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	res, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	instance, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("answered %s: %s", res.Status, instance)
	}
	return string(instance), err
}

// summarise finds when the first instance answered that had not before the step.
func summarise(events []event) round {
	r := round{events: events, first: -1}
	slices.SortFunc(events, func(a, b event) int { return int((a.sent + a.took) - (b.sent + b.took)) })
	known := map[string]bool{"": true}
	for _, e := range events {
		if e.instance == "" {
			r.drops++
		}
		if e.sent >= 0 && r.first < 0 && !known[e.instance] {
			r.first = e.sent + e.took
		}
		known[e.instance] = known[e.instance] || e.sent < 0
	}
	return r
}

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"time"

	"github.com/slipway-run/slipway/bench/rig"
)

// bursts sends requests until done is closed, and gives how long each took.
func (b *bench) bursts(ctx context.Context, done <-chan struct{}) (took []time.Duration, err error) {
	var mu sync.Mutex // guards took and err
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: runtime.NumCPU()}}
	defer client.CloseIdleConnections()
	for {
		var clients sync.WaitGroup
		until := time.Now().Add(b.burst)
		for range runtime.NumCPU() {
			clients.Go(func() {
				for time.Now().Before(until) && ctx.Err() == nil {
					one, e := b.request(ctx, client)
					mu.Lock()
					took, err = append(took, one), errors.Join(err, e)
					mu.Unlock()
					if e != nil {
						return
					}
				}
			})
		}
		clients.Wait()
		select {
		case <-done:
			return took, err
		case <-time.After(b.burst):
		case <-ctx.Done():
			return took, ctx.Err()
		}
		if err != nil {
			return took, err
		}
		select {
		case <-done:
			return took, nil
		default:
		}
	}
}

func (b *bench) request(ctx context.Context, client *http.Client) (time.Duration, error) {
	url := fmt.Sprintf("%s/fn/burst/?ms=%d", b.server.URL, b.work.Milliseconds())
	req, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	res, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	err = rig.CheckAnswer(res)
	return time.Since(began), err
}

package packager

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

func TestFlights(t *testing.T) {
	t.Run("one run for all who ask meanwhile", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f, runs, release := newFlights(), atomic.Int32{}, make(chan struct{})
			want := errors.New("the outcome")
			var wg sync.WaitGroup
			for range 10 {
				wg.Go(func() {
					err := f.do(t.Context(), "key", func(context.Context) error {
						runs.Add(1)
						<-release
						return want
					})
					if !errors.Is(err, want) {
						t.Error(err)
					}
				})
			}
			synctest.Wait()
			close(release)
			wg.Wait()
			if runs.Load() != 1 {
				t.Errorf("%d runs", runs.Load())
			}
		})
	})
	t.Run("the work outlives the first to ask", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f, release := newFlights(), make(chan struct{})
			work := func(ctx context.Context) error {
				select {
				case <-release:
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			ctx, cancel := context.WithCancel(t.Context())
			first, second := make(chan error, 1), make(chan error, 1)
			go func() { first <- f.do(ctx, "key", work) }()
			go func() { second <- f.do(t.Context(), "key", work) }()
			synctest.Wait()
			cancel()
			if err := <-first; !errors.Is(err, context.Canceled) {
				t.Errorf("first: %v", err)
			}
			close(release)
			if err := <-second; err != nil {
				t.Errorf("second: %v", err)
			}
		})
	})
	t.Run("the work ends when nobody waits, and close waits for its end", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f, ended := newFlights(), false
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() {
				done <- f.do(ctx, "key", func(ctx context.Context) error {
					<-ctx.Done()
					ended = true
					return nil
				})
			}()
			synctest.Wait()
			cancel()
			<-done
			f.close()
			if !ended {
				t.Error("the work goes on")
			}
		})
	})
}

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/testenv"
	"github.com/slipway-run/slipway/sdk"
)

var (
	asyncEvents = flag.Int("async-events", 3000, "how many events TestAsyncKills accepts")
	asyncKills  = flag.Int("async-kills", 3, "how often TestAsyncKills kills its server")
)

// TestAsyncKills sends events to a function that fails one time in ten, and kills the
// server without warning again and again: every event that was accepted ends in exactly
// one recorded outcome, and none is lost. Events may run twice only where an attempt was
// interrupted; how many did is said.
func TestAsyncKills(t *testing.T) {
	data, address := filepath.Join(t.TempDir(), "data"), freeAddress(t)
	start := func() *process {
		return startProcess(t, "serve", "--listen", address, "--data", data, "--log-level", "warn")
	}
	server := start()
	p := &platform{t: t, url: server.await("Slipway is ready at "), data: data}
	p.key = adminKey(t, data)
	p.configure(t, "flaky", `{"async":{"backoff":"0s","attempts":3},"scaling":{"max":2,"concurrency":50}}`)
	p.deploy(goServer(t, `
		body, _ := io.ReadAll(r.Body)
		if time.Now().UnixNano()/1000%10 == 0 { w.WriteHeader(500); return }
		w.Header().Set("Content-Type", "application/json")
		w.Write(body)`), "flaky")

	s := &senders{client: sdk.New(p.url, p.key), left: int64(*asyncEvents), sent: map[string]string{}}
	var all sync.WaitGroup
	for n := range 16 {
		all.Go(func() { s.run(t.Context(), n) })
	}
	for k := range *asyncKills {
		// Between kills, a part of the events is accepted: so the kills meet a server that
		// accepts, one that retries, and one that catches up.
		s.reach(t, *asyncEvents*(k+1)/(*asyncKills+1))
		<-time.After(rand.N(200 * time.Millisecond)) // any moment will do: this is no condition to wait for
		server.end(syscall.SIGKILL)
		server = start()
		server.await("Slipway is ready at ")
	}
	all.Wait()
	check := s.outcomes(t)
	t.Logf("%d events accepted, %d kills: %d succeeded, %d failed; %d attempts, of which %d were interrupted, in %d events, which may so have run twice, and %d the platform could not give to the function",
		len(s.sent), *asyncKills, check.succeeded, check.failed, check.attempts, check.interrupted, check.doubtful, check.refused)
	if status := server.end(syscall.SIGTERM); status != 0 {
		t.Errorf("exit status %d after SIGTERM", status)
	}
	if now := ownedBy(t, data); !now.empty() {
		t.Errorf("after stopping in order there is still %+v", now)
	}
}

// senders accept events until enough were, through all that happens to the server.
type senders struct {
	client *sdk.Client
	left   int64

	mu   sync.Mutex
	sent map[string]string // payloads of the accepted events by id
}

func (s *senders) run(ctx context.Context, n int) {
	for i := 0; atomic.AddInt64(&s.left, -1) >= 0; i++ {
		payload := fmt.Sprintf(`"%d-%d"`, n, i)
		for {
			// The same key again: what was accepted and not answered is not accepted twice.
			accepted, err := s.client.InvokeAsync(ctx, "flaky", strings.NewReader(payload), sdk.AsyncInvocation{IdempotencyKey: payload})
			if err == nil {
				s.mu.Lock()
				s.sent[accepted.ID] = payload
				s.mu.Unlock()
				break
			}
			if ctx.Err() != nil {
				return
			}
			<-time.After(5 * time.Millisecond) // the server is being killed: that is the point
		}
	}
}

func (s *senders) reach(t *testing.T, n int) {
	t.Helper()
	testenv.Eventually(t, 5*time.Minute, func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.sent) < n {
			return fmt.Errorf("%d events were accepted, waiting for %d", len(s.sent), n)
		}
		return nil
	})
}

// tally is what became of the events.
type tally struct{ succeeded, failed, attempts, interrupted, doubtful, refused int }

// outcomes waits until every event has its outcome, and looks at each.
func (s *senders) outcomes(t *testing.T) (sum tally) {
	t.Helper()
	ids := make(chan string, len(s.sent))
	for id := range s.sent {
		ids <- id
	}
	close(ids)
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for id := range ids {
				i, err := s.outcome(t.Context(), id)
				mu.Lock()
				if err != nil {
					t.Errorf("event %s is lost: %v", id, err)
				} else {
					sum.add(t, i, s.sent[id])
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return sum
}

// outcome waits for the outcome of one event. What was accepted last may still be on its
// way into the store: then the answer is to ask again.
func (s *senders) outcome(ctx context.Context, id string) (i slipway.Invocation, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	for {
		if i, err = s.client.AwaitInvocation(ctx, id); !errors.Is(err, slipway.ErrUnavailable) || ctx.Err() != nil {
			return i, err
		}
	}
}

func (sum *tally) add(t *testing.T, i slipway.Invocation, payload string) {
	failures, interrupted := 0, 0
	for n, a := range i.Attempts {
		switch {
		case a.Attempt != n+1 || a.EndedAt == nil:
			t.Errorf("attempts of %s are %+v", i.ID, i.Attempts)
		case a.Error == nil:
		case a.Error.Type == "interrupted":
			interrupted++
		case a.Error.Platform:
			sum.refused++
		default:
			failures++
		}
	}
	sum.attempts += len(i.Attempts)
	sum.interrupted += interrupted
	sum.doubtful += min(1, interrupted)
	switch {
	case i.State == slipway.InvocationSucceeded && string(i.Result) == payload && failures < 3:
		sum.succeeded++
	case i.State == slipway.InvocationFailed && failures == 3:
		sum.failed++
	default:
		t.Errorf("an outcome that cannot be, of %s: %+v", payload, i)
	}
}

package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/testenv"
)

// checkedLoad is requests, one after the other from each of some clients, of which every
// one must be answered with 200 and a text that is allowed.
type checkedLoad struct {
	client *http.Client
	done   chan struct{}
	wg     sync.WaitGroup

	mu      sync.Mutex
	allowed map[string]bool
	answers map[string]int // by text
	good    int
	bad     []string // what was wrong with the others
}

func startCheckedLoad(url string, clients int) *checkedLoad {
	l := &checkedLoad{
		client:  &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}, Timeout: time.Minute},
		done:    make(chan struct{}),
		allowed: map[string]bool{"": true}, answers: map[string]int{},
	}
	for range clients {
		l.wg.Go(func() { l.run(url) })
	}
	return l
}

func (l *checkedLoad) run(url string) {
	for {
		select {
		case <-l.done:
			return
		default:
		}
		text, err := l.once(url)
		l.mu.Lock()
		switch {
		case err != nil:
			l.bad = append(l.bad, err.Error())
		case !l.allowed[text]:
			l.bad = append(l.bad, fmt.Sprintf("answered by %q, which was never live", text))
		default:
			l.good++
			l.answers[text]++
		}
		l.mu.Unlock()
	}
}

func (l *checkedLoad) once(url string) (string, error) {
	res, err := l.client.Post(url, "text/plain", strings.NewReader("a body"))
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s", res.Status, body)
	}
	return string(body), err
}

// allow says that answers with text are right from now on.
func (l *checkedLoad) allow(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.allowed[text] = true
}

func (l *checkedLoad) counts() (good, bad int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.good, len(l.bad)
}

// of is how many answers had this text.
func (l *checkedLoad) of(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.answers[text]
}

// awaitMore waits until so many more requests were answered well.
func (l *checkedLoad) awaitMore(t *testing.T, more int) {
	t.Helper()
	before, _ := l.counts()
	testenv.Eventually(t, time.Minute, func() error {
		if good, bad := l.counts(); good < before+more {
			return fmt.Errorf("%d requests were answered well, %d not", good, bad)
		}
		return nil
	})
}

// stop ends the load and fails the test when any request failed.
func (l *checkedLoad) stop(t *testing.T) {
	t.Helper()
	close(l.done)
	l.wg.Wait()
	l.client.CloseIdleConnections()
	good, bad := l.counts()
	t.Logf("%d requests were answered, %d were not, by %d versions", good, bad, len(l.answers))
	for i, what := range l.bad {
		if i == 10 {
			break
		}
		t.Error(what)
	}
	if bad > 0 {
		t.Errorf("%d of %d requests failed", bad, good+bad)
	}
}

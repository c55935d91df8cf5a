package gateway

import (
	"context"
	"sync"

	"github.com/slipway-run/slipway"
)

// maxLasting bounds the events of one build that are kept; a build that says more has
// its log cut.
const maxLasting = 20_000

// buildRun is a build of this gateway while it runs: what it has said so far, for any
// number of readers, each at its own pace.
type buildRun struct {
	build   slipway.Build
	version slipway.Version // as it was added

	revision *slipway.JobDefinition // that the build makes, instead of a version; whole when done is closed

	mu       sync.Mutex
	lasting  []slipway.BuildEvent // steps and lines
	progress slipway.BuildEvent   // the latest; replaced, never kept
	changes  int                  // of progress
	complete bool                 // no more events
	news     chan struct{}        // closed with every change, and made anew

	saved int // of lasting, in the store; only the build's own goroutines use it

	// done is closed when the outcome is recorded: published or err.
	done      chan struct{}
	published slipway.Version
	err       error
}

func newBuildRun(b slipway.Build, v slipway.Version) *buildRun {
	return &buildRun{build: b, version: v, news: make(chan struct{}), done: make(chan struct{})}
}

// add is one more event of the build.
func (r *buildRun) add(e slipway.BuildEvent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case isProgress(e):
		r.progress = e
		r.changes++
	case len(r.lasting) < maxLasting:
		r.lasting = append(r.lasting, e)
	case len(r.lasting) == maxLasting:
		r.lasting = append(r.lasting, slipway.BuildEvent{At: e.At, Text: "(the log is too long; the rest is not kept)"})
	}
	r.wake()
}

// isProgress says whether e only says how far a step has come.
func isProgress(e slipway.BuildEvent) bool {
	return e.Text == "" && (e.Done > 0 || e.Total > 0)
}

// close adds the last event: its Result or Error.
func (r *buildRun) close(e slipway.BuildEvent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lasting = append(r.lasting, e)
	r.complete = true
	r.wake()
}

func (r *buildRun) wake() {
	close(r.news)
	r.news = make(chan struct{})
}

// end records the outcome for those who wait.
func (r *buildRun) end(v slipway.Version, err error) {
	r.published, r.err = v, err
	close(r.done)
}

// wait is the outcome.
func (r *buildRun) wait(ctx context.Context) (slipway.Version, error) {
	select {
	case <-r.done:
		return r.published, r.err
	case <-ctx.Done():
		return slipway.Version{}, ctx.Err()
	}
}

// place is how far a reader has come.
type place struct{ lasting, changes int }

// next waits for events after p and moves p on. There are none left when more is false.
func (r *buildRun) next(ctx context.Context, p *place) (events []slipway.BuildEvent, more bool, err error) {
	for {
		r.mu.Lock()
		events = append(events, r.lasting[p.lasting:]...)
		if p.changes != r.changes && len(events) == 0 {
			events = append(events, r.progress)
			p.changes = r.changes
		}
		p.lasting = len(r.lasting)
		complete, news := r.complete, r.news
		r.mu.Unlock()
		if len(events) > 0 || complete {
			return events, !complete, nil
		}
		select {
		case <-news:
		case <-ctx.Done():
			return nil, true, ctx.Err()
		}
	}
}

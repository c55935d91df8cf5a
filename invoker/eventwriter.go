package invoker

import (
	"context"
	"encoding/json"
	"sync"

	"github.com/slipway-run/slipway"
)

// eventWriter writes build events, from several goroutines, as lines of JSON. When
// nobody reads them any more it cancels the build.
type eventWriter struct {
	cancel context.CancelFunc

	mu  sync.Mutex // guards what follows
	enc *json.Encoder
	err error
}

func (w *eventWriter) write(e slipway.BuildEvent) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return
	}
	if w.err = w.enc.Encode(e); w.err != nil {
		w.cancel()
	}
}

func (w *eventWriter) failed() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

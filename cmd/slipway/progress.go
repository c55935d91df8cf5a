package main

import (
	"fmt"
	"io"
	"sync"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/slipway-run/slipway"
)

// progress shows what happens in a deploy. Its methods may be called from several
// goroutines.
type progress interface {
	upload(done, total int64)
	event(slipway.BuildEvent)
	end(succeeded bool) // nothing follows
}

// newProgress draws bars on a terminal and writes lines elsewhere.
func newProgress(w io.Writer) progress {
	if isTerminal(w) {
		return &bars{screen: mpb.New(mpb.WithOutput(w), mpb.WithWidth(40))}
	}
	return &lines{w: w}
}

// lines is progress for files, pipes and continuous integration.
type lines struct {
	mu        sync.Mutex
	w         io.Writer
	uploading bool
}

func (l *lines) upload(_, total int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.uploading {
		l.uploading = true
		fmt.Fprintf(l.w, "==> upload (%.1f KiB)\n", float64(total)/1024)
	}
}

func (l *lines) event(e slipway.BuildEvent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.Text != "" {
		fmt.Fprintln(l.w, e.Text)
	} else if e.Step != "" && e.Done == 0 && e.Total == 0 {
		fmt.Fprintf(l.w, "==> %s\n", e.Step)
	}
}

func (l *lines) end(bool) {}

// bars is progress for a person: a bar for the upload and for every step, and above
// them what the build says.
type bars struct {
	mu     sync.Mutex
	screen *mpb.Progress
	step   string
	bar    *mpb.Bar // of step; nil before the first
}

func (b *bars) upload(done, total int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.begin("upload")
	b.move(done, total)
}

func (b *bars) event(e slipway.BuildEvent) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e.Step != "" {
		b.begin(e.Step)
	}
	if e.Text != "" {
		fmt.Fprintln(b.screen, e.Text)
	}
	if b.bar != nil && (e.Done > 0 || e.Total > 0) {
		b.move(e.Done, e.Total)
	}
}

// begin ends the bar of the step before and makes one for step.
func (b *bars) begin(step string) {
	if b.step == step && b.bar != nil {
		return
	}
	b.finish(true)
	b.step = step
	b.bar = b.screen.AddBar(0,
		mpb.PrependDecorators(decor.Name(step, decor.WC{W: 14, C: decor.DindentRight})),
		mpb.AppendDecorators(
			decor.OnAbort(decor.OnComplete(decor.Percentage(decor.WC{W: 6}), " done "), " stop "),
			decor.Elapsed(decor.ET_STYLE_GO, decor.WC{W: 8}),
		))
}

func (b *bars) move(done, total int64) {
	b.bar.SetTotal(max(total, done+1), false) // one more: the step itself says when it is done
	b.bar.SetCurrent(done)
}

func (b *bars) finish(succeeded bool) {
	switch {
	case b.bar == nil:
	case succeeded:
		b.bar.SetCurrent(max(b.bar.Current(), 1)) // a step without progress is full too
		b.bar.SetTotal(-1, true)
	default:
		b.bar.Abort(false)
	}
	b.bar = nil
}

func (b *bars) end(succeeded bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.finish(succeeded)
	b.screen.Wait()
}

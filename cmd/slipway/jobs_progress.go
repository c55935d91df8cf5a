package main

import (
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/slipway-run/slipway"
)

// jobProgress shows how far jobs are. show may be called from several goroutines.
type jobProgress interface {
	show(slipway.Job)
	end() // nothing follows
}

// newJobProgress draws a bar for each job on a terminal, and writes lines elsewhere.
func newJobProgress(w io.Writer) jobProgress {
	if isTerminal(w) {
		return &jobBars{screen: mpb.New(mpb.WithOutput(w), mpb.WithWidth(40)), bars: map[string]*jobBar{}}
	}
	return &jobLines{w: w, said: map[string]string{}}
}

// states are the statuses of a job in the order of its life.
var states = [...]slipway.JobStatus{slipway.JobSubmitted, slipway.JobPending, slipway.JobRunnable, slipway.JobStarting, slipway.JobRunning, slipway.JobSucceeded, slipway.JobFailed}

// countsText is the children of an array by status.
func countsText(counts map[slipway.JobStatus]int) string {
	var parts []string
	for _, s := range states {
		if counts[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[s], strings.ToLower(string(s))))
		}
	}
	return strings.Join(parts, ", ")
}

// done is how much of a job has ended, and how much there is.
func done(j slipway.Job) (ended, total int) {
	if j.Array != nil && j.Array.Index == nil {
		return j.Array.Counts[slipway.JobSucceeded] + j.Array.Counts[slipway.JobFailed], j.Array.Size
	}
	if j.Status.Ended() {
		return 1, 1
	}
	return 0, 1
}

// jobLines says when a job changes its status, and of an array every tenth.
type jobLines struct {
	mu   sync.Mutex
	w    io.Writer
	said map[string]string // by id: status and tenth
}

func (l *jobLines) show(j slipway.Job) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ended, total := done(j)
	mark := fmt.Sprint(j.Status, ended*10/max(total, 1))
	if l.said[j.ID] == mark {
		return
	}
	l.said[j.ID] = mark
	line := fmt.Sprintf("%s %s", j.Name, j.Status)
	if j.Array != nil && j.Array.Index == nil {
		line += fmt.Sprintf(" %d/%d: %s", ended, total, countsText(j.Array.Counts))
	}
	fmt.Fprintln(l.w, line)
}

func (l *jobLines) end() {}

// jobBars is a bar for every job, with the counts of an array behind it.
type jobBars struct {
	mu     sync.Mutex
	screen *mpb.Progress
	bars   map[string]*jobBar // by id
}

type jobBar struct {
	bar *mpb.Bar

	mu   sync.Mutex
	text string
}

func (b *jobBar) say(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text = text
}

func (b *jobBar) said(decor.Statistics) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return " " + b.text
}

func (p *jobBars) show(j slipway.Job) {
	p.mu.Lock()
	defer p.mu.Unlock()
	ended, total := done(j)
	b := p.bars[j.ID]
	if b == nil {
		b = &jobBar{}
		b.bar = p.screen.AddBar(int64(total),
			mpb.PrependDecorators(decor.Name(shortened(j.Name, 20), decor.WC{W: 21, C: decor.DindentRight})),
			mpb.AppendDecorators(decor.CountersNoUnit("%d/%d", decor.WC{W: 12}), decor.Elapsed(decor.ET_STYLE_GO, decor.WC{W: 8}), decor.Any(b.said)))
		p.bars[j.ID] = b
	}
	text := strings.ToLower(string(j.Status))
	if j.Array != nil && j.Array.Index == nil {
		text = countsText(j.Array.Counts)
	}
	b.say(text)
	b.bar.SetCurrent(int64(ended))
	if j.Status.Ended() {
		b.bar.SetTotal(int64(max(ended, 1)), true)
	}
}

func (p *jobBars) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, b := range p.bars {
		if !b.bar.Completed() {
			b.bar.Abort(false)
		}
	}
	p.screen.Wait()
}

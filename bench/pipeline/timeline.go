package main

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/slipway-run/slipway"
)

// timeline is rows of bars over time.
type timeline struct {
	title    string
	from, to time.Time
	rows     []row
}

// row is a job, or some of an array's children that did not run at the same time.
type row struct {
	name string // "" continues the row above
	bars []bar
}

// bar is a time that a job was in a state.
type bar struct {
	from, to time.Time
	state    state
	text     string
}

// state is what a bar shows; it is the class of its colour.
type state string

const (
	waits     state = "waits"     // for its dependencies, its turn and room
	succeeded state = "succeeded" // an attempt that did
	failed    state = "failed"    // an attempt, and with it its job
	retried   state = "retried"   // an attempt that failed and was followed by another
)

// newTimeline draws jobs in their order; the first is an array, and has children.
func newTimeline(jobs, children []slipway.Job) *timeline {
	t := &timeline{from: jobs[0].CreatedAt}
	for _, job := range jobs {
		if job.StoppedAt != nil && job.StoppedAt.After(t.to) {
			t.to = *job.StoppedAt
		}
	}
	t.title = fmt.Sprintf("%d attempts in %s", t.addChildren(jobs[0], children)+t.addJobs(jobs[1:]), t.to.Sub(t.from).Round(10*time.Millisecond))
	return t
}

// addChildren puts each attempt into the first row that is free at its start.
func (t *timeline) addChildren(array slipway.Job, children []slipway.Job) (attempts int) {
	var bars []bar
	for _, child := range children {
		bars = append(bars, attemptBars(child)...)
	}
	slices.SortFunc(bars, func(a, b bar) int { return a.from.Compare(b.from) })
	first := len(t.rows)
	for _, b := range bars {
		at := slices.IndexFunc(t.rows[first:], func(r row) bool { return !r.bars[len(r.bars)-1].to.After(b.from) })
		if at < 0 {
			t.rows = append(t.rows, row{bars: []bar{b}})
			continue
		}
		t.rows[first+at].bars = append(t.rows[first+at].bars, b)
	}
	if len(t.rows) > first {
		t.rows[first].name = fmt.Sprintf("%s [%d]", array.Name, array.Array.Size)
	}
	return len(bars)
}

func (t *timeline) addJobs(jobs []slipway.Job) (attempts int) {
	for _, job := range jobs {
		bars := attemptBars(job)
		attempts += len(bars)
		if len(bars) > 0 {
			bars = append([]bar{{job.CreatedAt, bars[0].from, waits, ""}}, bars...)
		}
		t.rows = append(t.rows, row{name: job.Name, bars: bars})
	}
	return attempts
}

func attemptBars(job slipway.Job) (bars []bar) {
	for i, a := range job.Attempts {
		if a.StartedAt == nil || a.StoppedAt == nil {
			continue
		}
		b := bar{*a.StartedAt, *a.StoppedAt, succeeded, fmt.Sprintf("%s, attempt %d: %d MiB of %d", job.Name, a.Attempt, a.MemoryPeakMB, a.MemoryMB)}
		switch last := i == len(job.Attempts)-1; {
		case a.Reason == "":
		case last:
			b.state, b.text = failed, b.text+", "+a.Reason
		default:
			b.state, b.text = retried, b.text+", "+a.Reason
		}
		bars = append(bars, b)
	}
	return bars
}

// The drawing, in its own units.
const (
	width, left, right, top = 820, 96, 24, 64
	rowHeight, barHeight    = 22, 15
)

const style = `<style>
svg { --ink: #1f2328; --faint: #d0d7de; --paper: #ffffff; font: 12px system-ui, sans-serif }
@media (prefers-color-scheme: dark) { svg { --ink: #e6edf3; --faint: #3d444d; --paper: #0d1117 } }
text { fill: var(--ink) } .title { font-size: 15px; font-weight: 600 } .paper { fill: var(--paper) }
.grid { stroke: var(--faint) } .waits { fill: var(--faint) } .succeeded { fill: #009e73 } .failed { fill: #d55e00 } .retried { fill: #e69f00 }
</style>
`

func (t *timeline) write(to io.Writer) error {
	w := bufio.NewWriter(to)
	bottom := top + len(t.rows)*rowHeight
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="%s">`+"\n", width, bottom+44, escape(t.title))
	io.WriteString(w, style)
	fmt.Fprintf(w, `<rect class="paper" width="%d" height="%d"/>`+"\n", width, bottom+44)
	fmt.Fprintf(w, `<text class="title" x="%d" y="24">%s</text>`+"\n", left, escape(t.title))
	t.writeLegend(w)
	t.writeGrid(w, bottom)
	for i, r := range t.rows {
		y := top + i*rowHeight
		fmt.Fprintf(w, `<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", left-8, y+barHeight-3, escape(r.name))
		for _, b := range r.bars {
			t.writeBar(w, b, y)
		}
	}
	io.WriteString(w, "</svg>\n")
	return w.Flush()
}

func (t *timeline) writeLegend(w io.Writer) {
	for i, s := range []state{waits, succeeded, retried, failed} {
		x := left + i*110
		fmt.Fprintf(w, `<rect class="%s" x="%d" y="36" width="12" height="12" rx="2"/><text x="%d" y="46">%s</text>`+"\n", s, x, x+18, s)
	}
}

// writeGrid draws a line for every round number of seconds, ten at most.
func (t *timeline) writeGrid(w io.Writer, bottom int) {
	step := time.Second
	for _, larger := range []time.Duration{2, 5, 10, 20, 30, 60, 120, 300, 600} {
		if t.to.Sub(t.from)/step > 10 {
			step = larger * time.Second
		}
	}
	for at := time.Duration(0); at <= t.to.Sub(t.from); at += step {
		x := t.x(t.from.Add(at))
		fmt.Fprintf(w, `<line class="grid" x1="%.1f" y1="%d" x2="%.1f" y2="%d"/><text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", x, top, x, bottom, x, bottom+18, at)
	}
}

func (t *timeline) writeBar(w io.Writer, b bar, y int) {
	from, to := t.x(b.from), t.x(b.to)
	height, at := barHeight, y
	if b.state == waits {
		height, at = 3, y+barHeight/2-1
	}
	fmt.Fprintf(w, `<rect class="%s" x="%.1f" y="%d" width="%.1f" height="%d" rx="1"><title>%s</title></rect>`+"\n", b.state, from, at, max(to-from-0.4, 0.8), height, escape(b.text))
}

// x is where a moment is.
func (t *timeline) x(at time.Time) float64 {
	all := t.to.Sub(t.from).Seconds()
	return left + at.Sub(t.from).Seconds()/max(all, 1e-3)*(width-left-right)
}

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")

func escape(s string) string { return escaper.Replace(s) }

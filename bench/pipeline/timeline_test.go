package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
)

func TestTimeline(t *testing.T) {
	zero := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(seconds int) *time.Time { m := zero.Add(time.Duration(seconds) * time.Second); return &m }
	child := func(from, to int) slipway.Job {
		return slipway.Job{Name: "count", Attempts: []slipway.JobAttempt{{Attempt: 1, StartedAt: at(from), StoppedAt: at(to)}}}
	}
	jobs := []slipway.Job{
		{Name: "count", CreatedAt: zero, StoppedAt: at(5), Array: &slipway.JobArray{Size: 3}},
		{Name: "a <b> & c", CreatedAt: zero, StoppedAt: at(9), Attempts: []slipway.JobAttempt{
			{Attempt: 1, StartedAt: at(5), StoppedAt: at(6), Reason: slipway.ReasonOutOfMemory + "…"}, {Attempt: 2, StartedAt: at(6), StoppedAt: at(8)},
		}},
		{Name: "never ran", CreatedAt: zero, StoppedAt: at(1)},
	}
	// The third child begins when the first has ended, so two rows are enough.
	line := newTimeline(jobs, []slipway.Job{child(1, 3), child(1, 5), child(3, 4)})
	if len(line.rows) != 4 || line.title != "5 attempts in 9s" || line.rows[0].name != "count [3]" || len(line.rows[0].bars)+len(line.rows[1].bars) != 3 {
		t.Errorf("%q: %+v", line.title, line.rows)
	}
	var states []string
	for _, b := range line.rows[2].bars {
		states = append(states, string(b.state))
	}
	if strings.Join(states, " ") != "waits retried succeeded" {
		t.Errorf("states %q", states)
	}
	var svg bytes.Buffer
	if err := line.write(&svg); err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(&svg); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("the drawing is no XML: %v", err)
		}
	}
}

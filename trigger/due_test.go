package trigger

import (
	"slices"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
)

func TestDue(t *testing.T) {
	hourly := parse(t, "0 * * * *", "")
	noon := at(t, "2026-03-01T12:00:00Z")
	for _, c := range []struct {
		name, missed string
		late         time.Duration
		done, now    time.Duration // after noon
		want         []time.Duration
	}{
		{"nothing", slipway.MissedSkip, 0, 0, 59 * time.Minute, nil},
		{"on time", slipway.MissedSkip, 0, 0, time.Hour, []time.Duration{time.Hour}},
		{"on time, another gateway", slipway.MissedSkip, 0, 0, time.Hour + 40*time.Second, []time.Duration{time.Hour}},
		{"skip", slipway.MissedSkip, 0, 0, 5*time.Hour + 2*time.Minute, nil},
		{"skip, the last on time", slipway.MissedSkip, 0, 0, 5 * time.Hour, []time.Duration{5 * time.Hour}},
		{"once", slipway.MissedOnce, 24 * time.Hour, 0, 5*time.Hour + 2*time.Minute, []time.Duration{5 * time.Hour}},
		{"once, too late", slipway.MissedOnce, time.Minute, 0, 5*time.Hour + 2*time.Minute, nil},
		{"once, long ago", slipway.MissedOnce, 168 * time.Hour, -1000 * time.Hour, 30 * time.Minute, []time.Duration{0}},
		{"all", slipway.MissedAll, 24 * time.Hour, 0, 3*time.Hour + 2*time.Minute, []time.Duration{time.Hour, 2 * time.Hour, 3 * time.Hour}},
		{"all, some too late", slipway.MissedAll, 2 * time.Hour, 0, 3*time.Hour + 2*time.Minute, []time.Duration{2 * time.Hour, 3 * time.Hour}},
		{"exactly as late as allowed", slipway.MissedAll, 2 * time.Hour, 0, 3 * time.Hour, []time.Duration{time.Hour, 2 * time.Hour, 3 * time.Hour}},
		{"ahead of the clock", slipway.MissedAll, 24 * time.Hour, time.Hour, 0, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := due(hourly, slipway.CronTrigger{Missed: c.missed, MaxLate: slipway.Duration(c.late)}, noon.Add(c.done), noon.Add(c.now))
			if c.missed == slipway.MissedSkip {
				got = due(hourly, slipway.CronTrigger{Missed: c.missed, MaxLate: slipway.Duration(defaultLate)}, noon.Add(c.done), noon.Add(c.now))
			}
			var want []time.Time
			for _, d := range c.want {
				want = append(want, noon.Add(d))
			}
			if !slices.EqualFunc(got, want, time.Time.Equal) {
				t.Errorf("due are %v, want %v", got, want)
			}
		})
	}
}

// A night of seconds is fired in batches, and nothing of it twice or never.
func TestDueInBatches(t *testing.T) {
	s, done := parse(t, "@every 1s", ""), at(t, "2026-03-01T00:00:00Z")
	now, n := done.Add(1050*time.Second), 0
	c := slipway.CronTrigger{Missed: slipway.MissedAll, MaxLate: slipway.Duration(time.Hour)}
	for {
		times := due(s, c, done, now)
		if len(times) == 0 {
			break
		}
		for _, at := range times {
			if at.Sub(done) != time.Second {
				t.Fatalf("after %v comes %v", done, at)
			}
			done = at
			n++
		}
	}
	if n != 1050 {
		t.Errorf("%d fired, want 1050", n)
	}
}

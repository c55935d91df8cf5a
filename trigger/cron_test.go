package trigger_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/testenv"
)

// awaitIdle waits until the engine has done all that is due: the cursor of the trigger is
// there.
func (w *world) awaitDone(name string, until time.Time) {
	w.t.Helper()
	testenv.Eventually(w.t, patience, func() error {
		t, err := w.store.Trigger(w.t.Context(), ref(name))
		if err == nil && t.Cursor.Before(until) {
			err = fmt.Errorf("done until %v, want %v", t.Cursor, until)
		}
		return err
	})
}

func TestCronFires(t *testing.T) {
	w := newWorld(t, sqlite(t))
	e := w.engine("a", true)
	stored, created, err := e.Put(t.Context(), cron("tick", "@hourly", ""))
	must(t, err)
	if !created || stored.Cron.Missed != slipway.MissedSkip || stored.Status.NextAt == nil || !stored.Status.NextAt.Equal(w.clock.Now().Add(time.Hour)) {
		t.Errorf("stored %+v, next %v", stored, stored.Status.NextAt)
	}
	w.clock.add(time.Hour)
	got := w.wantEvents(1)[0]
	if got.Function != "f" || got.Source != "trigger:tick" || string(got.Payload) != `{"time":"2026-03-01T13:00:00Z","trigger":"tick"}` ||
		got.ContentType != "application/json" || got.Header["X-Slipway-Scheduled-Time"][0] != "2026-03-01T13:00:00Z" || got.Size == 0 {
		t.Errorf("the event is %+v", got)
	}
	w.awaitDone("tick", w.clock.Now())
	if s := w.status("tick"); s.Fired != 1 || s.LastResult != got.ID || s.LastError != "" {
		t.Errorf("status %+v", s)
	}
	if c := e.Counts(); len(c) != 1 || c[0].Fired != 1 || c[0].Failed != 0 {
		t.Errorf("counts %+v", c)
	}
}

// Two gateways fire each time once, also when the one that fires is killed in between.
func TestOneGatewayFires(t *testing.T) {
	w := newWorld(t, testenv.Postgres(t))
	a, b := w.engine("a", true), w.engine("b", true)
	_, _, err := a.Put(t.Context(), cron("tick", "* * * * *", slipway.MissedAll))
	must(t, err)
	for i := range 3 {
		w.clock.add(time.Minute)
		w.wantEvents(i + 1)
	}
	w.awaitDone("tick", w.clock.Now())
	a.stop() // who of them has the lease, nobody needs to know
	w.clock.add(time.Minute)
	w.wantEvents(4)
	w.awaitDone("tick", w.clock.Now())
	if s := w.status("tick"); s.Fired != 4 {
		t.Errorf("status %+v", s)
	}
	b.stop()
}

// A crash between firing and recording: the store knows nothing of it, and the same id is
// offered again.
func TestFiringTwiceIsOneEvent(t *testing.T) {
	w := newWorld(t, sqlite(t))
	first := w.engine("a", true)
	stored, _, err := first.Put(t.Context(), cron("tick", "@hourly", slipway.MissedOnce))
	must(t, err)
	w.clock.add(time.Hour)
	w.wantEvents(1)
	w.awaitDone("tick", w.clock.Now())
	first.stop()
	must(t, w.store.CronReset(t.Context(), stored, stored.Cursor)) // as it was before it was recorded
	w.engine("a", true)
	w.awaitDone("tick", w.clock.Now())
	w.wantEvents(1)
	if w.taker.offers < 2 {
		t.Errorf("it was offered %d times, want again after the crash", w.taker.offers)
	}
}

func TestMissedTimes(t *testing.T) {
	for missed, want := range map[string]int{slipway.MissedSkip: 0, slipway.MissedOnce: 1, slipway.MissedAll: 5} {
		t.Run(missed, func(t *testing.T) {
			w := newWorld(t, sqlite(t))
			e := w.engine("a", true)
			_, _, err := e.Put(t.Context(), cron("tick", "0 * * * *", missed))
			must(t, err)
			e.stop()
			w.clock.add(5*time.Hour + 30*time.Minute) // nothing runs
			w.engine("a", true)
			w.wantEvents(want)
			w.clock.add(30 * time.Minute) // and then all is as before
			events := w.wantEvents(want + 1)
			if last := events[want].Header["X-Slipway-Scheduled-Time"][0]; last != "2026-03-01T18:00:00Z" {
				t.Errorf("the last is of %s", last)
			}
			if want == 5 && events[0].Header["X-Slipway-Scheduled-Time"][0] != "2026-03-01T13:00:00Z" {
				t.Errorf("the first is of %s", events[0].Header["X-Slipway-Scheduled-Time"])
			}
		})
	}
}

// A disabled trigger does not fire, and what passed meanwhile is not missed.
func TestDisabled(t *testing.T) {
	w := newWorld(t, sqlite(t))
	e := w.engine("a", true)
	off := cron("tick", "@hourly", slipway.MissedAll)
	off.Enabled = false
	_, _, err := e.Put(t.Context(), off)
	must(t, err)
	w.clock.add(3 * time.Hour)
	_, _, err = e.Put(t.Context(), cron("tick", "@hourly", slipway.MissedAll))
	must(t, err)
	w.clock.add(time.Hour)
	if got := w.wantEvents(1)[0].Header["X-Slipway-Scheduled-Time"][0]; got != "2026-03-01T16:00:00Z" {
		t.Errorf("fired for %s", got)
	}
}

// Who takes events is away for a while: the time fires when he is back, with one id.
func TestFiringIsTriedAgain(t *testing.T) {
	w := newWorld(t, sqlite(t))
	e := w.engine("a", true)
	w.taker.refuse(slipway.Errorf(slipway.ErrUnavailable, "the disk is full"))
	_, _, err := e.Put(t.Context(), cron("tick", "@hourly", slipway.MissedOnce))
	must(t, err)
	w.clock.add(time.Hour)
	testenv.Eventually(t, patience, func() error {
		if s := w.status("tick"); s.LastError != "the disk is full" {
			return fmt.Errorf("status %+v", s)
		}
		return nil
	})
	w.taker.refuse(nil)
	w.clock.add(time.Minute)
	w.wantEvents(1)
	w.awaitDone("tick", w.clock.Now().Add(-time.Minute))
	if s := w.status("tick"); s.LastError != "" || s.Fired != 1 {
		t.Errorf("status %+v", s)
	}
}

// What cannot work is not tried again, and the next time is.
func TestFiringThatCannotWork(t *testing.T) {
	w := newWorld(t, sqlite(t))
	e := w.engine("a", true)
	w.taker.refuse(slipway.Errorf(slipway.ErrNotFound, "function %q does not exist", "f"))
	_, _, err := e.Put(t.Context(), cron("tick", "@hourly", slipway.MissedAll))
	must(t, err)
	w.clock.add(time.Hour)
	w.awaitDone("tick", w.clock.Now())
	if s := w.status("tick"); s.LastError != `function "f" does not exist` || s.Fired != 0 {
		t.Errorf("status %+v", s)
	}
	w.taker.refuse(nil)
	w.clock.add(time.Hour)
	w.wantEvents(1)
}

// A clock that was years ahead and is set right does not silence a trigger; one that is set
// back a little repeats nothing.
func TestClockIsSet(t *testing.T) {
	w := newWorld(t, sqlite(t))
	e := w.engine("a", true)
	_, _, err := e.Put(t.Context(), cron("tick", "* * * * *", slipway.MissedSkip))
	must(t, err)
	w.clock.add(30 * 24 * time.Hour)
	w.wantEvents(1)
	w.awaitDone("tick", w.clock.Now())
	w.clock.add(-2 * time.Minute)
	w.clock.add(3 * time.Minute) // past what is done again
	w.wantEvents(2)
	w.awaitDone("tick", w.clock.Now())
	w.clock.add(-30 * 24 * time.Hour)
	testenv.Eventually(t, patience, func() error {
		t, err := w.store.Trigger(w.t.Context(), ref("tick"))
		if err == nil && t.Cursor.After(w.clock.Now()) {
			err = fmt.Errorf("done until %v", t.Cursor)
		}
		return err
	})
	w.clock.add(time.Minute)
	w.wantEvents(3)
}

func TestJobs(t *testing.T) {
	w := newWorld(t, sqlite(t))
	e := w.engine("a", true)
	job := cron("batch", "@hourly", "")
	job.Function, job.Job = "", &slipway.JobRequest{Definition: "report", Overrides: &slipway.JobOverrides{Env: map[string]string{"A": "b"}}}
	_, _, err := e.Put(t.Context(), job)
	must(t, err)
	w.clock.add(time.Hour)
	w.awaitDone("batch", w.clock.Now())
	w.taker.mu.Lock()
	defer w.taker.mu.Unlock()
	got := w.taker.jobs[0]
	if got.Name != "batch" || got.Queue != "default" || len(got.IdempotencyKey) != 36 || got.Overrides.Env["A"] != "b" ||
		got.Overrides.Env["SLIPWAY_SCHEDULED_TIME"] != "2026-03-01T13:00:00Z" || got.Overrides.Env["SLIPWAY_EVENT"] == "" {
		t.Errorf("submitted %+v %+v", got, got.Overrides)
	}
	if s := w.status("batch"); s.LastResult != "job-"+got.IdempotencyKey {
		t.Errorf("status %+v", s)
	}
}

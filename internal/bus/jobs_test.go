package bus_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/bus"
)

// taking runs TakeJobs until the test ends or stop is called.
func taking(t *testing.T, b *bus.Bus, incarnation string) (given chan slipway.Assignment, orders chan slipway.JobOrder, stop func()) {
	given, orders = make(chan slipway.Assignment, 100), make(chan slipway.JobOrder, 100)
	ctx, cancel := context.WithCancel(within(t))
	ended := make(chan error, 1)
	go func() {
		ended <- b.TakeJobs(ctx, "i-1", incarnation, func(a []slipway.Assignment, o []slipway.JobOrder) {
			for _, a := range a {
				given <- a
			}
			for _, o := range o {
				orders <- o
			}
		})
	}()
	var once bool
	stop = func() {
		if once {
			return
		}
		once = true
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return given, orders, stop
}

func TestAssignmentsComeOnceAndInOrder(t *testing.T) {
	eachWay(t, bus.Config{}, func(t *testing.T, from, to *bus.Bus) {
		give := func(ids ...string) {
			t.Helper()
			var all []slipway.Assignment
			for _, id := range ids {
				all = append(all, slipway.Assignment{ID: id, Job: "j", CPU: 0.25})
			}
			if err := from.GiveAssignments(t.Context(), "i-1", "first", all); err != nil {
				t.Fatal(err)
			}
		}
		give("a", "b") // before anybody takes them
		given, orders, _ := taking(t, to, "first")
		give("b", "c")
		if err := from.OrderJobs(t.Context(), "i-1", "first", []slipway.JobOrder{{Order: slipway.JobStop, Job: "j", Attempt: 2}}); err != nil {
			t.Fatal(err)
		}
		var got []string
		for range 3 {
			got = append(got, wait(t, "an assignment", given).ID)
		}
		if !slices.Equal(got, []string{"a", "b", "c"}) {
			t.Errorf("got %v", got)
		}
		if o := wait(t, "the order", orders); o.Job != "j" || o.Attempt != 2 {
			t.Errorf("got %+v", o)
		}
		if len(given) > 0 {
			t.Errorf("an assignment came twice: %+v", <-given)
		}
	})
}

// A job that gets the outputs of a large array is too much for one message.
func TestAnAssignmentOfAnySize(t *testing.T) {
	b := embedded(t, bus.Config{})
	large := slipway.Assignment{ID: "large", Job: "reduce", CPU: 0.25}
	for i := range 30_500 {
		large.Deps = append(large.Deps, slipway.DepOutput{Path: fmt.Sprintf("map/%d", i), Digest: fmt.Sprintf("sha256:%064d", i)})
	}
	small := slipway.Assignment{ID: "small", Deps: []slipway.DepOutput{{Path: "one"}}}
	for range 2 {
		if err := b.GiveAssignments(t.Context(), "i-1", "first", []slipway.Assignment{small, large}); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.GiveAssignments(t.Context(), "i-1", "first", []slipway.Assignment{{ID: "last"}}); err != nil {
		t.Fatal(err)
	}
	given, _, _ := taking(t, b, "first")
	for _, want := range []slipway.Assignment{small, large, {ID: "last"}} {
		got := wait(t, "an assignment", given)
		if got.ID != want.ID || !slices.Equal(got.Deps, want.Deps) {
			t.Errorf("got %s with %d outputs, want %s with %d", got.ID, len(got.Deps), want.ID, len(want.Deps))
		}
	}
}

func TestWorkIsOfOneIncarnation(t *testing.T) {
	b := embedded(t, bus.Config{})
	for _, incarnation := range []string{"first", "second"} {
		if err := b.GiveAssignments(t.Context(), "i-1", incarnation, []slipway.Assignment{{ID: incarnation}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.PurgeJobs(t.Context(), "i-1", "first"); err != nil {
		t.Fatal(err)
	}
	first, _, _ := taking(t, b, "first")
	second, _, _ := taking(t, b, "second")
	if a := wait(t, "the assignment", second); a.ID != "second" {
		t.Errorf("got %+v", a)
	}
	if len(first) > 0 {
		t.Errorf("what was forgotten came: %+v", <-first)
	}
	for _, bad := range []string{"", "a.b", "*", "a b"} {
		if err := b.GiveAssignments(t.Context(), bad, "first", []slipway.Assignment{{}}); !errors.Is(err, slipway.ErrInvalid) {
			t.Errorf("invoker %q: %v", bad, err)
		}
	}
}

func TestReportsAreKeptUntilRecorded(t *testing.T) {
	eachWay(t, bus.Config{}, func(t *testing.T, invoker, scheduler *bus.Bus) {
		const n = 200
		results := make(chan error, n)
		for i := range n {
			go func() {
				results <- invoker.Report(t.Context(), []slipway.AttemptReport{{Assignment: "a", Index: i, Event: slipway.AttemptEnded}})
			}()
		}
		for range n {
			if err := <-results; err != nil {
				t.Fatal(err)
			}
		}
		refused := errors.New("the store is away")
		err := scheduler.TakeReports(within(t), func(all []slipway.AttemptReport, _ int) error {
			return refused
		})
		if !errors.Is(err, refused) {
			t.Fatalf("the taker ended with %v", err)
		}
		ctx, cancel := context.WithCancel(within(t))
		seen := map[int]int{}
		err = scheduler.TakeReports(ctx, func(all []slipway.AttemptReport, waiting int) error {
			for _, r := range all {
				seen[r.Index]++
			}
			if waiting == 0 && len(seen) == n {
				cancel()
			}
			return nil
		})
		if err != nil || len(seen) != n {
			t.Errorf("%d of %d reports came, %v", len(seen), n, err)
		}
	})
}

func TestALaterTakerTakesOver(t *testing.T) {
	b := embedded(t, bus.Config{})
	began, ended := make(chan struct{}, 1), make(chan error, 1)
	go func() {
		ended <- b.TakeReports(within(t), func([]slipway.AttemptReport, int) error {
			began <- struct{}{}
			return nil
		})
	}()
	wait(t, "the first to know that there is nothing", began)
	ctx, cancel := context.WithCancel(within(t))
	later := make(chan error, 1)
	second := make(chan string, 10)
	go func() {
		later <- b.TakeReports(ctx, func(all []slipway.AttemptReport, waiting int) error {
			second <- fmt.Sprint(len(all), waiting)
			return nil
		})
	}()
	if got := wait(t, "the second to begin", second); got != "0 0" {
		t.Errorf("it began with %s", got)
	}
	if err := wait(t, "the first to end", ended); !errors.Is(err, slipway.ErrConflict) {
		t.Errorf("the first ended with %v", err)
	}
	if err := b.Report(t.Context(), []slipway.AttemptReport{{Job: "j"}}); err != nil {
		t.Fatal(err)
	}
	if got := wait(t, "the report", second); got != "1 0" {
		t.Errorf("the second got %s", got)
	}
	cancel()
	if err := <-later; err != nil {
		t.Error(err)
	}
}

func TestJobNotices(t *testing.T) {
	eachWay(t, bus.Config{}, func(t *testing.T, from, to *bus.Bus) {
		bells, changes := make(chan struct{}, 1), make(chan []string, 1)
		stopBell, err := to.WatchJobBell(func() { bells <- struct{}{} })
		if err != nil {
			t.Fatal(err)
		}
		defer stopBell()
		stopChanges, err := to.WatchJobChanges(func(ids []string) { changes <- ids })
		if err != nil {
			t.Fatal(err)
		}
		defer stopChanges()
		if err := errors.Join(from.RingJobs(), from.PublishJobChanges([]string{"a", "b"})); err != nil {
			t.Fatal(err)
		}
		wait(t, "the bell", bells)
		if got := wait(t, "the changes", changes); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("got %v", got)
		}
	})
}

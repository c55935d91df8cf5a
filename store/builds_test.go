package store_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/store"
)

// addBuild makes a running build of v that the gateway "one" waits for.
func addBuild(t *testing.T, s *store.Store, v slipway.Version) slipway.Build {
	t.Helper()
	b := slipway.Build{
		ID: slipway.NewID(), Tenant: v.Tenant, Function: v.Function, Version: v.Number,
		State: slipway.BuildRunning, Owner: "one", CreatedAt: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC),
	}
	must(t, s.AddBuild(t.Context(), b))
	return b
}

func TestABuildFromBeginningToEnd(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		want := addBuild(t, s, addVersion(t, s, addFunction(t, s, "f")))
		got, err := s.Build(t.Context(), want.Tenant, want.ID)
		must(t, err)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got\n%+v, want\n%+v", got, want)
		}
		must(t, s.FinishBuild(t.Context(), want.ID, slipway.BuildFailed, "a reason \x00", 5))
		got, err = s.Build(t.Context(), want.Tenant, want.ID)
		must(t, err)
		if got.State != slipway.BuildFailed || got.Reason != "a reason \uFFFD" || got.Version != 5 || got.FinishedAt == nil {
			t.Errorf("finished as %+v", got)
		}
		wantKind(t, s.FinishBuild(t.Context(), want.ID, slipway.BuildSucceeded, "", 5), slipway.ErrConflict)
	})
}

func TestBuildsRefuse(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		b := addBuild(t, s, addVersion(t, s, addFunction(t, s, "f")))
		wantKind(t, s.AddBuild(t.Context(), b), slipway.ErrConflict)
		wantKind(t, s.AddBuild(t.Context(), slipway.Build{ID: "b", Tenant: slipway.DefaultTenant, Function: "none"}), slipway.ErrNotFound)
		_, err := s.Build(t.Context(), "other", b.ID)
		wantKind(t, err, slipway.ErrNotFound)
		wantKind(t, s.FinishBuild(t.Context(), "none", slipway.BuildFailed, "", 1), slipway.ErrNotFound)
		wantKind(t, s.FinishBuild(t.Context(), b.ID, slipway.BuildRunning, "", 1), slipway.ErrInvalid)
		wantKind(t, s.AppendBuildEvents(t.Context(), "none", []slipway.BuildEvent{{}}), slipway.ErrNotFound)
		must(t, s.AppendBuildEvents(t.Context(), b.ID, nil))
	})
}

func TestBuildEventsComeBackInOrder(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		b := addBuild(t, s, addVersion(t, s, addFunction(t, s, "f")))
		want := []slipway.BuildEvent{
			{At: time.Date(2026, 3, 1, 0, 0, 0, 987654321, time.UTC), Step: "compile", Done: 1, Total: 2},
			{Text: "a zero byte \x00 is kept"},
		}
		for i := range 500 { // more than one statement
			want = append(want, slipway.BuildEvent{Text: fmt.Sprint(i)})
		}
		want = append(want, slipway.BuildEvent{Result: &slipway.BuildResult{Digest: "sha256:0123"}})
		must(t, s.AppendBuildEvents(t.Context(), b.ID, want[:1]))
		must(t, s.AppendBuildEvents(t.Context(), b.ID, want[1:]))
		if got := readEvents(t, s, b.ID, 100); !reflect.DeepEqual(got, want) {
			t.Errorf("%d events came back otherwise than the %d that were written", len(got), len(want))
		}
		_, last, err := s.BuildEvents(t.Context(), b.ID, 503, 10)
		must(t, err)
		if last != 503 {
			t.Errorf("after the end last is %d, want 503", last)
		}
		_, _, err = s.BuildEvents(t.Context(), b.ID, 0, 5000)
		wantKind(t, err, slipway.ErrInvalid)
	})
}

// readEvents reads the log of a build in parts.
func readEvents(t *testing.T, s *store.Store, id string, limit int) (all []slipway.BuildEvent) {
	t.Helper()
	for after := int64(0); ; {
		part, last, err := s.BuildEvents(t.Context(), id, after, limit)
		must(t, err)
		if len(part) == 0 {
			return all
		}
		all, after = append(all, part...), last
	}
}

func TestBuildEventsAppendedAtOnceAreAllThere(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		b := addBuild(t, s, addVersion(t, s, addFunction(t, s, "f")))
		atOnce(t, 16, func(i int) error {
			return s.AppendBuildEvents(t.Context(), b.ID, []slipway.BuildEvent{{Text: "a"}, {Text: "b"}, {Text: "c"}})
		})
		all := readEvents(t, s, b.ID, 7)
		if len(all) != 48 {
			t.Fatalf("%d of 48 events", len(all))
		}
		for i, event := range all {
			if want := string("abc"[i%3]); event.Text != want {
				t.Fatalf("event %d is %q, want %q: two calls are mixed", i, event.Text, want)
			}
		}
	})
}

func TestFailBuilds(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		f := addFunction(t, s, "f")
		running, finished, others := addVersion(t, s, f), deploy(t, s, f, slipway.LiveAlias), addVersion(t, s, f)
		lost := addBuild(t, s, running)
		done := addBuild(t, s, finished)
		must(t, s.FinishBuild(t.Context(), done.ID, slipway.BuildSucceeded, "", finished.Number))
		other := slipway.Build{ID: slipway.NewID(), Tenant: f.Tenant, Function: f.Function, Version: others.Number, Owner: "two"}
		must(t, s.AddBuild(t.Context(), other))

		n, err := s.FailBuilds(t.Context(), "one", "the gateway was restarted")
		must(t, err)
		if n != 1 {
			t.Errorf("%d builds, want 1", n)
		}
		for id, want := range map[string]slipway.BuildState{lost.ID: slipway.BuildFailed, done.ID: slipway.BuildSucceeded, other.ID: slipway.BuildRunning} {
			got, err := s.Build(t.Context(), f.Tenant, id)
			must(t, err)
			if got.State != want || (want == slipway.BuildFailed) != (got.Reason == "the gateway was restarted") || (want == slipway.BuildRunning) != (got.FinishedAt == nil) {
				t.Errorf("got %+v, want it %s", got, want)
			}
		}
		for number, want := range map[int]slipway.VersionState{running.Number: slipway.VersionFailed, finished.Number: slipway.VersionReady, others.Number: slipway.VersionBuilding} {
			got, err := s.Version(t.Context(), slipway.VersionRef{Tenant: f.Tenant, Function: f.Function, Version: number})
			must(t, err)
			if got.State != want {
				t.Errorf("version %d is %s, want %s", number, got.State, want)
			}
		}
	})
}

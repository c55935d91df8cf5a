package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/store"
)

func ready(v slipway.Version) slipway.Version {
	v.State, v.Digest = slipway.VersionReady, "sha256:0123"
	return v
}

func liveAlias(t *testing.T, s *store.Store, f slipway.FunctionRef) slipway.Alias {
	t.Helper()
	a, err := s.Alias(t.Context(), f, slipway.LiveAlias)
	must(t, err)
	return a
}

func TestAnAliasKnowsWhatItNamedBefore(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		f := addFunction(t, s, "f")
		began := time.Now().Add(-time.Second)
		deploy(t, s, f, slipway.LiveAlias)
		first := liveAlias(t, s, f)
		if first.Previous != 0 || first.MovedBy != slipway.MovedByDeploy || first.MovedAt.Before(began) || first.Revision != 1 {
			t.Errorf("after the first deploy: %+v", first)
		}
		deploy(t, s, f, slipway.LiveAlias)
		second := liveAlias(t, s, f)
		if second.Previous != 1 || second.Version != 2 || second.Revision != 2 || second.MovedAt.Before(first.MovedAt) {
			t.Errorf("after the second deploy: %+v", second)
		}
		chosen := alias(f, slipway.LiveAlias, 2, nil)
		chosen.MovedBy = slipway.MovedByUser
		if got := putAlias(t, s, chosen); got.Previous != 1 || got.MovedBy != slipway.MovedByUser || !got.MovedAt.Equal(second.MovedAt) {
			t.Errorf("after somebody chose what it named: %+v", got)
		}
		back := alias(f, slipway.LiveAlias, 1, map[int]float64{2: 0.5})
		back.MovedBy = slipway.MovedByRollback
		if got := putAlias(t, s, back); got.Previous != 2 || got.MovedBy != slipway.MovedByRollback || got.Revision != 4 {
			t.Errorf("after going back: %+v", got)
		}
		split := alias(f, slipway.LiveAlias, 1, map[int]float64{2: 0.1})
		split.MovedBy = slipway.MovedByUser
		if got := putAlias(t, s, split); got.Previous != 2 || got.MovedBy != slipway.MovedByRollback || got.Revision != 5 {
			t.Errorf("another share has moved nothing: %+v", got)
		}
	})
}

// Whichever order versions are finished in, the highest number has the alias, unless
// somebody has said meanwhile where it goes.
func TestTheNewestVersionTakesTheAlias(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		f := addFunction(t, s, "f")
		one, two := addVersion(t, s, f), addVersion(t, s, f)
		if !finish(t, s, ready(two), slipway.LiveAlias) {
			t.Error("version 2 did not take the alias")
		}
		if finish(t, s, ready(one), slipway.LiveAlias) || liveAlias(t, s, f).Version != 2 {
			t.Errorf("version 1 took the alias: %+v", liveAlias(t, s, f))
		}
		three := addVersion(t, s, f)
		putAlias(t, s, alias(f, slipway.LiveAlias, 1, nil))
		if finish(t, s, ready(three), slipway.LiveAlias) || liveAlias(t, s, f).Version != 1 {
			t.Errorf("version 3, which was begun before the alias was set, took it: %+v", liveAlias(t, s, f))
		}
		if !finish(t, s, ready(addVersion(t, s, f)), slipway.LiveAlias) {
			t.Error("version 4, which was begun after it, did not take the alias")
		}
	})
}

func TestVersionsFinishedAtOnceLeaveTheNewest(t *testing.T) {
	const versions = 12
	onEach(t, func(t *testing.T, s *store.Store) {
		f := addFunction(t, s, "f")
		all := make([]slipway.Version, versions)
		for i := range all {
			all[i] = ready(addVersion(t, s, f))
		}
		atOnce(t, versions, func(i int) error {
			_, err := s.FinishVersion(t.Context(), all[i], slipway.LiveAlias, nil)
			return err
		})
		if live := liveAlias(t, s, f); live.Version != versions {
			t.Errorf("live is %+v, want version %d", live, versions)
		}
	})
}

func TestCanary(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		f := addFunction(t, s, "f")
		plan := slipway.DefaultCanary()
		v := ready(addVersion(t, s, f))
		if moved, err := s.FinishVersion(t.Context(), v, slipway.LiveAlias, &plan); err != nil || !moved {
			t.Fatalf("moved %v, %v", moved, err)
		}
		if live := liveAlias(t, s, f); live.Version != 1 || live.Canary != nil {
			t.Errorf("a canary with nothing beside it: %+v", live)
		}
		v = ready(addVersion(t, s, f))
		if moved, err := s.FinishVersion(t.Context(), v, slipway.LiveAlias, &plan); err != nil || !moved {
			t.Fatalf("moved %v, %v", moved, err)
		}
		old := liveAlias(t, s, f)
		if old.Version != 1 || old.Weights[2] != 0.1 || old.Canary == nil || old.Canary.Step != 0 || old.Canary.Since.IsZero() || old.Canary.Interval != plan.Interval {
			t.Fatalf("live is %+v, %+v", old, old.Canary)
		}

		next := old
		next.Canary = old.Canary.Begin(1, time.Time{})
		stepped, err := s.StepAlias(t.Context(), old, next, nil)
		must(t, err)
		if got := liveAlias(t, s, f); got.Weights[2] != 0.5 || got.Canary.Step != 1 || got.Revision != stepped.Revision || got.Canary.Since.Before(old.Canary.Since) {
			t.Errorf("after a step: %+v, %+v", got, got.Canary)
		}
		_, err = s.StepAlias(t.Context(), old, next, nil)
		wantKind(t, err, slipway.ErrConflict)

		back := stepped
		back.Weights, back.Canary = nil, nil
		_, err = s.StepAlias(t.Context(), stepped, back, &slipway.Mark{Version: 2, Reason: "too many errors"})
		must(t, err)
		got, err := s.Version(t.Context(), v.Ref())
		must(t, err)
		if live := liveAlias(t, s, f); got.Reason != "too many errors" || got.State != slipway.VersionReady || live.Version != 1 || live.Weights != nil || live.Canary != nil {
			t.Errorf("after going back: version %+v, live %+v", got, live)
		}

		putAlias(t, s, alias(f, slipway.LiveAlias, 2, nil))
		if got, err := s.Version(t.Context(), v.Ref()); err != nil || got.Reason != "" {
			t.Errorf("after somebody chose it version 2 is marked %q, %v", got.Reason, err)
		}
	})
}

// Of those who decide at the same time one is heard.
func TestStepsAtOnceAreOne(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		f := addFunction(t, s, "f")
		deploy(t, s, f, slipway.LiveAlias)
		deploy(t, s, f, slipway.LiveAlias)
		old := liveAlias(t, s, f)
		next := old
		next.Version, next.MovedBy = 1, slipway.MovedByAutoRollback
		atOnce(t, 8, func(int) error {
			_, err := s.StepAlias(t.Context(), old, next, &slipway.Mark{Version: 2, Reason: "fell"})
			if errors.Is(err, slipway.ErrConflict) {
				err = nil
			}
			return err
		})
		if live := liveAlias(t, s, f); live.Revision != old.Revision+1 || live.Version != 1 || live.Previous != 2 {
			t.Errorf("live is %+v", live)
		}
	})
}

func TestTenants(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		addTenant(t, s, "a")
		got, created, err := s.PutTenant(t.Context(), slipway.Tenant{Name: "a", MaxConcurrency: 7})
		must(t, err)
		if created || got.MaxConcurrency != 7 || got.CreatedAt.IsZero() {
			t.Errorf("new %v, %+v", created, got)
		}
		all, err := s.Tenants(t.Context())
		must(t, err)
		if len(all) != 2 || all[0] != got || all[1].Name != slipway.DefaultTenant {
			t.Errorf("tenants are %+v", all)
		}
		must(t, s.CreateFunction(t.Context(), slipway.Function{Tenant: "a", Name: "f", Config: slipway.DefaultConfig()}))
		wantKind(t, s.DeleteTenant(t.Context(), "a"), slipway.ErrConflict)
		must(t, s.DeleteFunction(t.Context(), slipway.FunctionRef{Tenant: "a", Function: "f"}))
		must(t, s.DeleteTenant(t.Context(), "a"))
		_, err = s.Tenant(t.Context(), "a")
		wantKind(t, err, slipway.ErrNotFound)
		wantKind(t, s.DeleteTenant(t.Context(), "a"), slipway.ErrNotFound)
		wantKind(t, s.DeleteTenant(t.Context(), slipway.DefaultTenant), slipway.ErrConflict)
	})
}

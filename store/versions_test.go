package store_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/store"
)

func TestVersionsAddedAtOnceGetOneNumberEach(t *testing.T) {
	const writers = 24
	onEach(t, func(t *testing.T, s *store.Store) {
		f := addFunction(t, s, "f")
		numbers := make([]int, writers)
		atOnce(t, writers, func(i int) error {
			v, err := s.AddVersion(t.Context(), slipway.Version{Tenant: f.Tenant, Function: f.Function})
			numbers[i] = v.Number
			return err
		})
		slices.Sort(numbers)
		for i, n := range numbers {
			if n != i+1 {
				t.Fatalf("numbers are %v, want 1 to %d", numbers, writers)
			}
		}
	})
}

func TestAVersionComesBackAsItWasFinished(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		v := addVersion(t, s, addFunction(t, s, "f"))
		if v.Number != 1 || v.State != slipway.VersionBuilding || v.CreatedAt.IsZero() {
			t.Errorf("added as %+v", v)
		}
		v.Image, v.Digest = "default/f@sha256:0123", "sha256:0123"
		v.Protocol, v.Runtime, v.Config = slipway.ProtocolLambda, slipway.RuntimePython, fullConfig()
		v.State = slipway.VersionReady
		finish(t, s, v, "")
		got, err := s.Version(t.Context(), v.Ref())
		must(t, err)
		if !reflect.DeepEqual(got, v) {
			t.Errorf("got\n%+v, want\n%+v", got, v)
		}
	})
}

func TestFinishVersionMovesTheAlias(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		f := addFunction(t, s, "f")
		deploy(t, s, f, slipway.LiveAlias)
		deploy(t, s, f, "canary")
		putAlias(t, s, alias(f, slipway.LiveAlias, 1, map[int]float64{2: 0.5}))
		third := deploy(t, s, f, slipway.LiveAlias)
		live, err := s.Alias(t.Context(), f, slipway.LiveAlias)
		must(t, err)
		if live.Version != third.Number || live.Weights != nil {
			t.Errorf("live is %+v, want version 3 without a split", live)
		}
		got, err := s.Function(t.Context(), f)
		must(t, err)
		if got.Live != third.Number {
			t.Errorf("the function says live is %d, want 3", got.Live)
		}
	})
}

func TestAFailedVersionLeavesTheAliasAlone(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		f := addFunction(t, s, "f")
		deploy(t, s, f, slipway.LiveAlias)
		v := addVersion(t, s, f)
		v.State, v.Reason = slipway.VersionFailed, "printed \x00 and \xff"
		finish(t, s, v, slipway.LiveAlias)
		got, err := s.Version(t.Context(), v.Ref())
		must(t, err)
		if got.State != slipway.VersionFailed || got.Reason != "printed \uFFFD and \uFFFD" {
			t.Errorf("got %+v", got)
		}
		live, err := s.Alias(t.Context(), f, slipway.LiveAlias)
		must(t, err)
		if live.Version != 1 {
			t.Errorf("live is %d, want 1", live.Version)
		}
	})
}

func TestAVersionIsFinishedOnce(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		f := addFunction(t, s, "f")
		v := deploy(t, s, f, "")
		v.State = slipway.VersionFailed
		wantKind(t, finishError(t, s, v), slipway.ErrConflict)
		wantKind(t, s.DropVersion(t.Context(), v.Ref()), slipway.ErrConflict)
		v.State = slipway.VersionBuilding
		wantKind(t, finishError(t, s, v), slipway.ErrInvalid)
		v.State, v.Number = slipway.VersionReady, 9
		wantKind(t, finishError(t, s, v), slipway.ErrNotFound)
		wantKind(t, s.DropVersion(t.Context(), v.Ref()), slipway.ErrNotFound)
	})
}

func TestADroppedNumberIsNotGivenAgain(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		f := addFunction(t, s, "f")
		dropped := addVersion(t, s, f)
		must(t, s.DropVersion(t.Context(), dropped.Ref()))
		_, err := s.Version(t.Context(), dropped.Ref())
		wantKind(t, err, slipway.ErrNotFound)
		if next := addVersion(t, s, f); next.Number != 2 {
			t.Errorf("the next version is %d, want 2", next.Number)
		}
	})
}

func TestVersionsInPartsNewestFirst(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		f := addFunction(t, s, "f")
		empty, err := s.Versions(t.Context(), f, slipway.Page{})
		must(t, err)
		if empty.Items == nil || len(empty.Items) != 0 {
			t.Errorf("a function without versions has %#v, want an empty list", empty.Items)
		}
		for range 12 { // two digits: numbers are not compared as text
			addVersion(t, s, f)
		}
		first, err := s.Versions(t.Context(), f, slipway.Page{Limit: 7})
		must(t, err)
		rest, err := s.Versions(t.Context(), f, slipway.Page{Limit: 7, Cursor: first.Next})
		must(t, err)
		var numbers []int
		for _, v := range append(first.Items, rest.Items...) {
			numbers = append(numbers, v.Number)
		}
		if want := []int{12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1}; !slices.Equal(numbers, want) || rest.Next != "" {
			t.Errorf("numbers are %v, next %q", numbers, rest.Next)
		}
	})
}

func TestVersionsOfNoFunction(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		_, err := s.AddVersion(t.Context(), slipway.Version{Tenant: slipway.DefaultTenant, Function: "none"})
		wantKind(t, err, slipway.ErrNotFound)
		_, err = s.Versions(t.Context(), ref("none"), slipway.Page{})
		wantKind(t, err, slipway.ErrNotFound)
		if err == nil || !strings.Contains(err.Error(), `function "none" does not exist`) {
			t.Errorf("the message is %v", err)
		}
	})
}

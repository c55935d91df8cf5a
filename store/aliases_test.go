package store_test

import (
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/store"
)

func alias(f slipway.FunctionRef, name string, version int, weights map[int]float64) slipway.Alias {
	return slipway.Alias{Tenant: f.Tenant, Function: f.Function, Name: name, Version: version, Weights: weights}
}

// named is what a names, without when and by whom.
func named(a slipway.Alias) slipway.Alias {
	return slipway.Alias{Tenant: a.Tenant, Function: a.Function, Name: a.Name, Version: a.Version, Weights: a.Weights}
}

func TestAliases(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		f := addFunction(t, s, "f")
		none, err := s.Aliases(t.Context(), f)
		must(t, err)
		if none == nil || len(none) != 0 {
			t.Errorf("a function without aliases has %#v, want an empty list", none)
		}
		deploy(t, s, f, slipway.LiveAlias)
		deploy(t, s, f, "")
		want := []slipway.Alias{alias(f, "canary", 2, map[int]float64{1: 0.25}), alias(f, "live", 1, nil), alias(f, "old", 1, nil)}
		putAlias(t, s, alias(f, "canary", 1, nil))
		for _, a := range want {
			putAlias(t, s, a)
		}
		got, err := s.Aliases(t.Context(), f)
		must(t, err)
		for i := range got {
			got[i] = named(got[i])
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
		must(t, s.DeleteAlias(t.Context(), f, "canary"))
		_, err = s.Alias(t.Context(), f, "canary")
		wantKind(t, err, slipway.ErrNotFound)
	})
}

func TestPutAliasRefuses(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		f := addFunction(t, s, "f")
		deploy(t, s, f, "")
		addVersion(t, s, f)
		for _, c := range []struct {
			alias slipway.Alias
			kind  error
		}{
			{alias(f, "a", 9, nil), slipway.ErrNotFound},
			{alias(f, "a", 1, map[int]float64{9: 0.5}), slipway.ErrNotFound},
			{alias(ref("none"), "a", 1, nil), slipway.ErrNotFound},
			{alias(f, "a", 2, nil), slipway.ErrConflict}, // building
			{alias(f, "a", 1, map[int]float64{2: 0.5}), slipway.ErrConflict},
			{alias(f, "a", 1, map[int]float64{1: 0.5}), slipway.ErrInvalid},
			{alias(f, "a", 1, map[int]float64{2: 0.5, 3: 0.1}), slipway.ErrInvalid},
			{alias(f, "a", 1, map[int]float64{2: 1.5}), slipway.ErrInvalid},
			{alias(f, "a", 1, map[int]float64{2: math.NaN()}), slipway.ErrInvalid},
			{slipway.Alias{Tenant: f.Tenant, Function: f.Function, Name: "a", Version: 1, Canary: slipway.DefaultCanary().Begin(0, time.Now())}, slipway.ErrInvalid},
		} {
			_, err := s.PutAlias(t.Context(), c.alias)
			wantKind(t, err, c.kind)
		}
	})
}

func TestDeleteAliasRefuses(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		f := addFunction(t, s, "f")
		deploy(t, s, f, slipway.LiveAlias)
		wantKind(t, s.DeleteAlias(t.Context(), f, slipway.LiveAlias), slipway.ErrConflict)
		wantKind(t, s.DeleteAlias(t.Context(), f, "none"), slipway.ErrNotFound)
		_, err := s.Aliases(t.Context(), ref("none"))
		wantKind(t, err, slipway.ErrNotFound)
	})
}

package store_test

import (
	"reflect"
	"testing"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/store"
)

// plain takes from the aliases of routes when and by whom they were moved.
func plain(routes []slipway.Route) {
	for _, r := range routes {
		for name, a := range r.Aliases {
			r.Aliases[name] = named(a)
		}
	}
}

func TestRoutes(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		f := addFunction(t, s, "f")
		deploy(t, s, f, slipway.LiveAlias)
		deploy(t, s, f, "")
		deploy(t, s, f, "") // no alias names it
		canary := alias(f, "canary", 1, map[int]float64{2: 0.1})
		putAlias(t, s, canary)
		_, err := s.UpdateFunction(t.Context(), f, func(f *slipway.Function) error {
			f.Auth, f.Scaling.Max, f.Tags, f.MemoryMB, f.Paused = "key", 3, map[string]string{"a": "b"}, 1024, true
			return nil
		})
		must(t, err)
		deploy(t, s, addFunction(t, s, "not-live"), "other")
		deploy(t, s, addFunction(t, s, "a"), slipway.LiveAlias)

		config := slipway.DefaultConfig() // of the versions, but for scaling and tags
		config.Scaling.Max, config.Tags = 3, map[string]string{"a": "b"}
		spec := func(number int) slipway.Spec {
			return slipway.Spec{
				VersionRef: slipway.VersionRef{Tenant: f.Tenant, Function: f.Function, Version: number},
				Digest:     "sha256:0123", Protocol: slipway.ProtocolHTTP, Config: config, Paused: true,
			}
		}
		want := slipway.Route{
			FunctionRef: f, Auth: "key", Paused: true,
			Aliases: map[string]slipway.Alias{"live": alias(f, "live", 1, nil), "canary": canary},
			Specs:   map[int]slipway.Spec{1: spec(1), 2: spec(2)},
		}
		one, err := s.Routes(t.Context(), &f)
		must(t, err)
		plain(one)
		if len(one) != 1 || !reflect.DeepEqual(one[0], want) {
			t.Errorf("got\n%+v, want\n%+v", one, want)
		}
		all, err := s.Routes(t.Context(), nil)
		must(t, err)
		plain(all)
		if len(all) != 2 || all[0].Function != "a" || !reflect.DeepEqual(all[1], want) {
			t.Errorf("got\n%+v, want a and\n%+v", all, want)
		}
	})
}

func TestNoRoute(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		addFunction(t, s, "f")
		for _, name := range []string{"f", "none"} {
			r := ref(name)
			routes, err := s.Routes(t.Context(), &r)
			must(t, err)
			if routes == nil || len(routes) != 0 {
				t.Errorf("%s has the routes %#v, want an empty list", name, routes)
			}
		}
	})
}

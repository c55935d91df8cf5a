package store_test

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/store"
)

// fullConfig has a value in every field.
func fullConfig() slipway.Config {
	c := slipway.DefaultConfig()
	c.Runtime, c.Handler, c.Command = slipway.RuntimePython, "a.b", []string{"/app", "-v", "ü"}
	c.Env, c.Secrets = map[string]string{"A": "1", "B": "quote ' and \" and \\u0000"}, map[string]string{"S": "secret"}
	c.CPU, c.Timeout, c.Health.Path = 0.1, slipway.Duration(1500*time.Millisecond), "/health"
	c.Async.OnFailure, c.Auth, c.Tags = "dead", "key", map[string]string{"team": "a"}
	return c
}

func TestAFunctionComesBackAsItWas(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		want := slipway.Function{
			Tenant: slipway.DefaultTenant, Name: "f", Config: fullConfig(),
			CreatedAt: time.Date(2026, 3, 1, 12, 30, 0, 123456000, time.UTC),
			UpdatedAt: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC),
		}
		local := want
		local.CreatedAt = want.CreatedAt.In(time.FixedZone("elsewhere", 2*3600)).Add(789 * time.Nanosecond)
		must(t, s.CreateFunction(t.Context(), local))
		got, err := s.Function(t.Context(), ref("f"))
		must(t, err)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got\n%+v, want\n%+v", got, want)
		}
	})
}

func TestCreateFunctionRefuses(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		addFunction(t, s, "f")
		wantKind(t, s.CreateFunction(t.Context(), slipway.Function{Tenant: slipway.DefaultTenant, Name: "f"}), slipway.ErrConflict)
		wantKind(t, s.CreateFunction(t.Context(), slipway.Function{Tenant: "nobody", Name: "f"}), slipway.ErrNotFound)
	})
}

func TestTenantsDoNotMeet(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		addTenant(t, s, "other")
		deploy(t, s, addFunction(t, s, "f"), slipway.LiveAlias)
		must(t, s.CreateFunction(t.Context(), slipway.Function{Tenant: "other", Name: "f"}))
		must(t, s.DeleteFunction(t.Context(), slipway.FunctionRef{Tenant: "other", Function: "f"}))
		f, err := s.Function(t.Context(), ref("f"))
		must(t, err)
		if f.Live != 1 {
			t.Errorf("live is %d, want 1", f.Live)
		}
		list, err := s.Functions(t.Context(), "other", slipway.Page{})
		must(t, err)
		if list.Items == nil || len(list.Items) != 0 {
			t.Errorf("the other tenant has %#v, want an empty list", list.Items)
		}
	})
}

func TestUpdateFunction(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		f := addFunction(t, s, "f")
		deploy(t, s, f, slipway.LiveAlias)
		before, err := s.Function(t.Context(), f)
		must(t, err)
		returned, err := s.UpdateFunction(t.Context(), f, func(f *slipway.Function) error {
			f.Name, f.Live, f.MemoryMB, f.Paused = "another", 7, 99, true // name and live are not the caller's
			return nil
		})
		must(t, err)
		got, err := s.Function(t.Context(), f)
		must(t, err)
		if !reflect.DeepEqual(got, returned) {
			t.Errorf("returned\n%+v, stored\n%+v", returned, got)
		}
		if got.MemoryMB != 99 || !got.Paused || got.Live != 1 || !got.CreatedAt.Equal(before.CreatedAt) || !got.UpdatedAt.After(before.UpdatedAt) {
			t.Errorf("after %+v got %+v", before, got)
		}
	})
}

func TestAnUpdateThatIsRefusedChangesNothing(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		f := addFunction(t, s, "f")
		before, err := s.Function(t.Context(), f)
		must(t, err)
		refusal := errors.New("no")
		_, err = s.UpdateFunction(t.Context(), f, func(f *slipway.Function) error {
			f.MemoryMB = 99
			return refusal
		})
		if err != refusal {
			t.Errorf("error is %v, want the one of the function", err)
		}
		after, err := s.Function(t.Context(), f)
		must(t, err)
		if !reflect.DeepEqual(before, after) {
			t.Errorf("before\n%+v, after\n%+v", before, after)
		}
		_, err = s.UpdateFunction(t.Context(), ref("none"), func(*slipway.Function) error { return nil })
		wantKind(t, err, slipway.ErrNotFound)
	})
}

func TestUpdatesAtOnceSeeEachOther(t *testing.T) {
	const writers = 24
	onEach(t, func(t *testing.T, s *store.Store) {
		f := addFunction(t, s, "f")
		atOnce(t, writers, func(int) error {
			_, err := s.UpdateFunction(t.Context(), f, func(f *slipway.Function) error {
				n, _ := strconv.Atoi(f.Handler)
				f.Handler = strconv.Itoa(n + 1)
				return nil
			})
			return err
		})
		got, err := s.Function(t.Context(), f)
		must(t, err)
		if got.Handler != strconv.Itoa(writers) {
			t.Errorf("%s of %d updates are left", got.Handler, writers)
		}
	})
}

func TestFunctionsInParts(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		for i := range 25 {
			addFunction(t, s, fmt.Sprintf("f%02d", i))
		}
		var names []string
		page := slipway.Page{Limit: 10}
		for {
			part, err := s.Functions(t.Context(), slipway.DefaultTenant, page)
			must(t, err)
			for _, f := range part.Items {
				names = append(names, f.Name)
			}
			if page.Cursor = part.Next; page.Cursor == "" {
				break
			}
			// What is deleted or added behind the cursor does not move what is before it.
			must(t, s.DeleteFunction(t.Context(), ref(part.Items[0].Name)))
			addFunction(t, s, part.Items[0].Name+"-again")
		}
		if len(names) != 25 || names[0] != "f00" || names[10] != "f10" || names[24] != "f24" {
			t.Errorf("names are %v", names)
		}
	})
}

func TestAPageThatCannotBe(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		for _, page := range []slipway.Page{{Limit: -1}, {Limit: 1001}, {Cursor: "?"}} {
			_, err := s.Functions(t.Context(), slipway.DefaultTenant, page)
			wantKind(t, err, slipway.ErrInvalid)
		}
		f := addFunction(t, s, "f")
		for _, cursor := range []string{"?", "bm90LWEtbnVtYmVy"} {
			_, err := s.Versions(t.Context(), f, slipway.Page{Cursor: cursor})
			wantKind(t, err, slipway.ErrInvalid)
		}
	})
}

func TestDeleteFunctionTakesEverythingBelowIt(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		f := addFunction(t, s, "f")
		deploy(t, s, f, slipway.LiveAlias)
		split := deploy(t, s, f, "canary")
		putAlias(t, s, alias(f, slipway.LiveAlias, 1, map[int]float64{2: 0.5}))
		build := addBuild(t, s, split)
		must(t, s.AppendBuildEvents(t.Context(), build.ID, []slipway.BuildEvent{{Text: "x"}}))

		must(t, s.DeleteFunction(t.Context(), f))
		_, err := s.Function(t.Context(), f)
		wantKind(t, err, slipway.ErrNotFound)
		_, err = s.Version(t.Context(), split.Ref())
		wantKind(t, err, slipway.ErrNotFound)
		_, err = s.Alias(t.Context(), f, "canary")
		wantKind(t, err, slipway.ErrNotFound)
		_, err = s.Build(t.Context(), f.Tenant, build.ID)
		wantKind(t, err, slipway.ErrNotFound)
		events, _, err := s.BuildEvents(t.Context(), build.ID, 0, 0)
		must(t, err)
		if len(events) != 0 {
			t.Errorf("events are left: %v", events)
		}
		wantKind(t, s.DeleteFunction(t.Context(), f), slipway.ErrNotFound)
	})
}

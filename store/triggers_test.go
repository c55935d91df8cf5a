package store_test

import (
	"errors"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/store"
)

var nightly = slipway.TriggerRef{Tenant: slipway.DefaultTenant, Name: "nightly"}

func cronTrigger() slipway.Trigger {
	return slipway.Trigger{Type: slipway.TriggerCron, Enabled: true, Function: "report", Payload: "é",
		Cron: &slipway.CronTrigger{Schedule: "0 3 * * *", Missed: slipway.MissedOnce, MaxLate: slipway.Duration(time.Hour)}}
}

// put is PutTrigger of t, whatever is there.
func put(t *testing.T, s *store.Store, ref slipway.TriggerRef, next slipway.Trigger) (slipway.Trigger, bool) {
	t.Helper()
	got, created, err := s.PutTrigger(t.Context(), ref, func(*slipway.Trigger) (slipway.Trigger, error) { return next, nil })
	must(t, err)
	return got, created
}

func TestTriggers(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		first, created := put(t, s, nightly, cronTrigger())
		if !created || first.Revision != 1 || first.Cron.Schedule != "0 3 * * *" || first.Payload != "é" || first.Cursor.IsZero() || !first.Enabled {
			t.Errorf("made %+v, %v", first, created)
		}
		hook := slipway.Trigger{Type: slipway.TriggerWebhook, Job: &slipway.JobRequest{Name: "j", Queue: "q"},
			Webhook: &slipway.WebhookTrigger{Signature: slipway.SignatureGitHub, Secret: "hush"}}
		second, created := put(t, s, nightly, hook)
		if created || second.Revision != 2 || second.Webhook.Secret != "hush" || second.Job.Queue != "q" || second.Cron != nil || !second.CreatedAt.Equal(first.CreatedAt) {
			t.Errorf("replaced by %+v, %v", second, created)
		}
		if shown := second.Shown(); shown.Webhook.Secret != "" || !shown.Webhook.HasSecret || second.Webhook.Secret != "hush" {
			t.Errorf("shown as %+v", shown.Webhook)
		}
		put(t, s, slipway.TriggerRef{Tenant: slipway.DefaultTenant, Name: "a"}, cronTrigger())
		addTenant(t, s, "other")
		put(t, s, slipway.TriggerRef{Tenant: "other", Name: "b"}, cronTrigger())

		list, err := s.Triggers(t.Context(), slipway.DefaultTenant, slipway.Page{Limit: 1})
		must(t, err)
		rest, err := s.Triggers(t.Context(), slipway.DefaultTenant, slipway.Page{Cursor: list.Next})
		must(t, err)
		if len(list.Items) != 1 || list.Items[0].Name != "a" || len(rest.Items) != 1 || !reflect.DeepEqual(rest.Items[0], second) || rest.Next != "" {
			t.Errorf("lists are %+v and %+v", list, rest)
		}
		enabled, err := s.EnabledTriggers(t.Context())
		must(t, err)
		if len(enabled) != 2 || enabled[1].Tenant != "other" {
			t.Errorf("enabled are %+v", enabled)
		}
		wantKind(t, s.DeleteTrigger(t.Context(), slipway.TriggerRef{Tenant: "other", Name: "nightly"}), slipway.ErrNotFound)
		must(t, s.DeleteTrigger(t.Context(), nightly))
		_, err = s.Trigger(t.Context(), nightly)
		wantKind(t, err, slipway.ErrNotFound)
		must(t, s.DeleteTenant(t.Context(), "other")) // its triggers go with it
	})
}

func TestPutTriggerRefuses(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		no := errors.New("no")
		_, _, err := s.PutTrigger(t.Context(), nightly, func(*slipway.Trigger) (slipway.Trigger, error) { return slipway.Trigger{}, no })
		if err != no {
			t.Errorf("the caller's error became %v", err)
		}
		_, _, err = s.PutTrigger(t.Context(), slipway.TriggerRef{Tenant: "nobody", Name: "x"}, func(*slipway.Trigger) (slipway.Trigger, error) { return cronTrigger(), nil })
		wantKind(t, err, slipway.ErrNotFound)
	})
}

// Of changes at the same time none is lost.
func TestPutTriggerAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		const n = 8
		atOnce(t, n, func(int) error {
			_, _, err := s.PutTrigger(t.Context(), nightly, func(old *slipway.Trigger) (slipway.Trigger, error) {
				next := cronTrigger()
				if next.Payload = "x"; old != nil {
					next.Payload = old.Payload + "x"
				}
				return next, nil
			})
			return err
		})
		got, err := s.Trigger(t.Context(), nightly)
		must(t, err)
		if got.Payload != strings.Repeat("x", n) || got.Revision != n {
			t.Errorf("after %d changes it is %+v", n, got)
		}
	})
}

func TestCronFired(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		made, _ := put(t, s, nightly, cronTrigger())
		due := made.Cursor.Add(time.Second)
		status := slipway.TriggerStatus{LastFired: &due, LastResult: "id-1", Fired: 1}
		var recorded atomic.Int32
		atOnce(t, 4, func(int) error {
			done, err := s.CronFired(t.Context(), made, due, status)
			if done {
				recorded.Add(1)
			}
			return err
		})
		got, err := s.Trigger(t.Context(), nightly)
		must(t, err)
		if recorded.Load() != 1 || got.Status.Fired != 1 || !got.Cursor.Equal(due) || got.Status.LastResult != "id-1" || !got.Status.LastFired.Equal(due) {
			t.Errorf("recorded %d times: %+v", recorded.Load(), got)
		}
		// A failure keeps what fired last; a skip fires nothing.
		done, err := s.CronFired(t.Context(), made, due.Add(time.Second), slipway.TriggerStatus{LastError: "gone\x00"})
		must(t, err)
		if got, err = s.Trigger(t.Context(), nightly); err != nil || !done || got.Status.Fired != 1 || got.Status.LastResult != "id-1" || got.Status.LastError != "gone\uFFFD" {
			t.Errorf("after a failure: %+v, %v", got.Status, err)
		}
		// A trigger that was made anew does not inherit.
		must(t, s.DeleteTrigger(t.Context(), nightly))
		put(t, s, nightly, cronTrigger())
		if done, err := s.CronFired(t.Context(), made, time.Now().Add(time.Hour), status); done || err != nil {
			t.Errorf("recorded for another trigger: %v", err)
		}
	})
}

func TestTriggersFired(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		put(t, s, nightly, cronTrigger())
		at := time.Now().UTC().Truncate(time.Microsecond)
		gone := slipway.TriggerRef{Tenant: slipway.DefaultTenant, Name: "gone"}
		for range 2 {
			must(t, s.TriggersFired(t.Context(), map[slipway.TriggerRef]slipway.TriggerStatus{
				nightly: {Fired: 3, LastFired: &at, LastResult: "x"}, gone: {Fired: 1}}))
		}
		got, err := s.Trigger(t.Context(), nightly)
		must(t, err)
		if got.Status.Fired != 6 || !got.Status.LastFired.Equal(at) || got.Revision != 1 {
			t.Errorf("it is %+v", got)
		}
	})
}

func TestClaimLease(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		at := time.Now()
		claim := func(owner string, after time.Duration) bool {
			t.Helper()
			got, err := s.ClaimLease(t.Context(), "cron", owner, at.Add(after), at.Add(after+10*time.Second))
			must(t, err)
			return got
		}
		for i, step := range []struct {
			owner string
			after time.Duration
			want  bool
		}{{"a", 0, true}, {"b", time.Second, false}, {"a", 5 * time.Second, true}, {"b", 14 * time.Second, false}, {"b", 16 * time.Second, true}, {"a", 17 * time.Second, false}} {
			if got := claim(step.owner, step.after); got != step.want {
				t.Errorf("step %d: %s has the lease: %v", i, step.owner, got)
			}
		}
	})
}

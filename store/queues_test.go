package store_test

import (
	"testing"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/store"
)

const defaultTenant = slipway.DefaultTenant

func TestTheDefaultsAreThereForEveryTenant(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		addTenant(t, s, "other")
		for _, tenant := range []string{defaultTenant, "other"} {
			q, err := s.Queue(t.Context(), tenant, slipway.DefaultQueue)
			must(t, err)
			e, err := s.Environment(t.Context(), tenant, slipway.DefaultEnvironment)
			must(t, err)
			if q.Tenant != tenant || q.State != slipway.Enabled || e.Tenant != tenant || e.State != slipway.Enabled {
				t.Errorf("tenant %s has %+v and %+v", tenant, q, e)
			}
		}
		_, err := s.Queue(t.Context(), defaultTenant, "missing")
		wantKind(t, err, slipway.ErrNotFound)
		_, err = s.Environment(t.Context(), defaultTenant, "missing")
		wantKind(t, err, slipway.ErrNotFound)
	})
}

func TestQueuesAndEnvironments(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		e := slipway.DefaultEnvironmentOf(defaultTenant, "main")
		e.Type, e.MaxVCPUs = "managed", 8
		_, created, err := s.PutEnvironment(t.Context(), e)
		must(t, err)
		if !created {
			t.Error("the environment is not new")
		}
		q := slipway.DefaultQueueOf(defaultTenant, "high")
		q.Priority, q.ComputeEnvironments, q.KeyLimits = 10, []string{"main", "default"}, map[string]int{"db": 2}
		q.Policy = slipway.QueuePolicy{Type: "fair", Shares: map[string]float64{"a": 0.5}}
		_, _, err = s.PutQueue(t.Context(), q)
		must(t, err)
		q.Priority = 11
		stored, created, err := s.PutQueue(t.Context(), q)
		must(t, err)
		if created || stored.Priority != 11 || stored.KeyLimits["db"] != 2 || stored.Policy.Shares["a"] != 0.5 || stored.CreatedAt.IsZero() {
			t.Errorf("stored %+v, created %v", stored, created)
		}
		wantKind(t, s.DeleteEnvironment(t.Context(), defaultTenant, "main"), slipway.ErrConflict)
		all, err := s.Queues(t.Context(), defaultTenant)
		must(t, err)
		if len(all) != 2 || all[0].Name != "default" || all[1].Name != "high" {
			t.Errorf("queues %+v", all)
		}
		addJob(t, s, func(j *slipway.JobRecord) { j.Request.Queue = "high" })
		wantKind(t, s.DeleteQueue(t.Context(), defaultTenant, "high"), slipway.ErrConflict)
		bad := slipway.DefaultQueueOf(defaultTenant, "bad")
		bad.ComputeEnvironments = []string{"missing"}
		_, _, err = s.PutQueue(t.Context(), bad)
		wantKind(t, err, slipway.ErrNotFound)
		other, err := s.Queues(t.Context(), "")
		must(t, err)
		if len(other) != 1 || other[0].Tenant != defaultTenant {
			t.Errorf("all queues: %+v", other)
		}
	})
}

func TestRevisionsOfADefinition(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		d := slipway.DefaultJobDefinition()
		d.Tenant, d.Name, d.Image, d.Command = defaultTenant, "j", "hello", []string{"a"}
		atOnce(t, 4, func(int) error {
			_, err := s.AddDefinition(t.Context(), d)
			return err
		})
		newest, err := s.Definition(t.Context(), defaultTenant, "j", 0)
		must(t, err)
		if newest.Revision != 4 || newest.Command[0] != "a" || !newest.Active {
			t.Errorf("newest is %+v", newest)
		}
		must(t, s.DeactivateDefinition(t.Context(), defaultTenant, "j", 4))
		wantKind(t, s.DeactivateDefinition(t.Context(), defaultTenant, "j", 4), slipway.ErrNotFound)
		newest, err = s.Definition(t.Context(), defaultTenant, "j", 0)
		must(t, err)
		old, err := s.Definition(t.Context(), defaultTenant, "j", 4)
		must(t, err)
		if newest.Revision != 3 || old.Active {
			t.Errorf("newest is %d, and 4 is %+v", newest.Revision, old)
		}
		active, err := s.Definitions(t.Context(), defaultTenant, "")
		must(t, err)
		all, err := s.Definitions(t.Context(), defaultTenant, "j")
		must(t, err)
		if len(active) != 3 || len(all) != 4 || all[0].Revision != 4 {
			t.Errorf("%d active of %d", len(active), len(all))
		}
		again, err := s.AddDefinition(t.Context(), d)
		must(t, err)
		if again.Revision != 5 {
			t.Errorf("the next revision is %d", again.Revision)
		}
		_, err = s.Definition(t.Context(), "other", "j", 1)
		wantKind(t, err, slipway.ErrNotFound)
	})
}

package store_test

import (
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/store"
)

func TestAsyncBacklog(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		none, err := s.AsyncBacklog(t.Context())
		must(t, err)
		if len(none) != 0 {
			t.Errorf("nothing is %+v", none)
		}
		at := time.Now().UTC().Truncate(time.Microsecond)
		event := func(id, function string, age time.Duration) slipway.Event {
			return slipway.Event{ID: id, Tenant: slipway.DefaultTenant, Function: function, Source: "api", AcceptedAt: at.Add(-age)}
		}
		events := []slipway.Event{event("1", "a", time.Minute), event("2", "a", time.Hour), event("3", "b", time.Second)}
		must(t, s.AddInvocations(t.Context(), events, func(slipway.FunctionRef) time.Duration { return time.Hour }))
		_, err = s.ClaimTurns(t.Context(), "engine", at, []slipway.Claim{{FunctionRef: ref("a"), Most: 1}})
		must(t, err)
		got, err := s.AsyncBacklog(t.Context())
		must(t, err)
		if len(got) != 2 || got[0].FunctionRef != ref("a") || got[0].Queued != 1 || got[0].Running != 1 || !got[0].Oldest.Equal(at.Add(-time.Hour)) || got[1].Queued != 1 || got[1].Running != 0 {
			t.Errorf("got %+v", got)
		}
	})
}

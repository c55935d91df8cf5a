package store_test

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/store"
)

// moment is when the invocations of these tests were accepted.
var moment = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// event is an event of a function of the default tenant.
func event(id, function string, payload string) slipway.Event {
	return slipway.Event{
		ID: id, Tenant: slipway.DefaultTenant, Function: function, Qualifier: "q", Source: "api", ContentType: "text/plain",
		Header: slipway.Header{"X-A": {"1", "2"}}, Payload: []byte(payload), Size: int64(len(payload)), AcceptedAt: moment,
	}
}

func hour(slipway.FunctionRef) time.Duration { return time.Hour }

// addInvocations adds n events of a function, with ids <function>0, <function>1, …
func addInvocations(t *testing.T, s *store.Store, function string, n int) {
	t.Helper()
	events := make([]slipway.Event, n)
	for i := range events {
		events[i] = event(fmt.Sprint(function, i), function, "x")
		events[i].AcceptedAt = moment.Add(time.Duration(i) * time.Second)
	}
	must(t, s.AddInvocations(t.Context(), events, hour))
}

// claim begins up to most attempts of a function.
func claim(t *testing.T, s *store.Store, owner, function string, most int) []slipway.Turn {
	t.Helper()
	turns, err := s.ClaimTurns(t.Context(), owner, moment.Add(30*time.Minute), []slipway.Claim{{FunctionRef: ref(function), Most: most}})
	must(t, err)
	return turns
}

// end records how one turn ended, and says whether that was recorded.
func end(t *testing.T, s *store.Store, e slipway.TurnEnd) bool {
	t.Helper()
	recorded, err := s.EndTurns(t.Context(), []slipway.TurnEnd{e})
	must(t, err)
	return recorded[0]
}

// endOf is the end of a turn in a state.
func endOf(turn slipway.Turn, owner string, state slipway.InvocationState) slipway.TurnEnd {
	at := moment.Add(31 * time.Minute)
	return slipway.TurnEnd{ID: turn.ID, Owner: owner, Attempt: turn.Attempt, State: state, At: at, NextAt: at,
		Record: slipway.InvocationAttempt{Version: 3, StartedAt: turn.StartedAt, Instance: "i", CPU: 0.5}}
}

func TestInvocationLife(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		e := event("a", "f", "\x00\xffpayload")
		e.HTTP = &slipway.EventHTTP{Method: "POST", Target: "/x"}
		must(t, s.AddInvocations(t.Context(), []slipway.Event{e, event("b", "f", "")}, hour))
		other := e
		other.Payload = []byte("another")
		must(t, s.AddInvocations(t.Context(), []slipway.Event{other}, hour)) // it comes twice
		got, err := s.Event(t.Context(), slipway.DefaultTenant, "a")
		must(t, err)
		if !reflect.DeepEqual(got, e) {
			t.Errorf("the event is %+v, was %+v", got, e)
		}
		turns := claim(t, s, "me", "f", 1)
		if len(turns) != 1 || turns[0].Attempt != 1 || !turns[0].ExpiresAt.Equal(moment.Add(time.Hour)) {
			t.Fatalf("%+v", turns)
		}
		more := claim(t, s, "me", "f", 5)
		if len(more) != 1 || more[0].ID == turns[0].ID || len(claim(t, s, "other", "f", 5)) != 0 {
			t.Fatalf("%+v", more)
		}
		turns = append(turns, more...)
		must(t, s.LoadEvents(t.Context(), turns))
		for _, turn := range turns {
			if turn.ID == "a" && (string(turn.Payload) != "\x00\xffpayload" || turn.HTTP == nil || turn.Header["X-A"][1] != "2") {
				t.Errorf("%+v", turn)
			}
		}
		i, err := s.Invocation(t.Context(), slipway.DefaultTenant, "a")
		must(t, err)
		if i.State != slipway.InvocationRunning || len(i.Attempts) != 1 || i.Attempts[0].EndedAt != nil || i.NextAt != nil {
			t.Errorf("while it runs: %+v", i)
		}

		first := endOf(turns[0], "me", slipway.InvocationQueued)
		first.Failed, first.Error = 1, &slipway.InvocationError{Type: "E", Message: "zero \x00 and \xff"}
		first.Record.Error = first.Error
		if !end(t, s, first) {
			t.Error("the first attempt is not recorded")
		}
		second := claim(t, s, "me", "f", 5)
		if len(second) != 0 {
			t.Errorf("claimed before it is due: %+v", second)
		}
		again, err := s.ClaimTurns(t.Context(), "me", first.NextAt, []slipway.Claim{{FunctionRef: ref("f"), Most: 5}})
		must(t, err)
		if len(again) != 1 || again[0].Attempt != 2 || again[0].Failed != 1 {
			t.Fatalf("%+v", again)
		}
		last := endOf(again[0], "me", slipway.InvocationSucceeded)
		last.Result = &slipway.Outcome{Result: []byte(`{"a":"\u0000"}`), ResultType: "application/json", LogTail: "l\x00g"}
		last.Destination = "nats:x"
		if !end(t, s, last) {
			t.Error("the outcome is not recorded")
		}
		for _, state := range []slipway.InvocationState{slipway.InvocationSucceeded, slipway.InvocationFailed, slipway.InvocationQueued} {
			if late := endOf(again[0], "me", state); end(t, s, late) {
				t.Errorf("a second outcome, %s, is recorded", state)
			}
		}
		i, err = s.Invocation(t.Context(), slipway.DefaultTenant, turns[0].ID)
		must(t, err)
		if i.State != slipway.InvocationSucceeded || i.Version != 3 || len(i.Attempts) != 2 || i.Attempts[0].Error.Message != "zero \uFFFD and \uFFFD" || i.Attempts[1].Error != nil ||
			string(i.Result) != `{"a":"\u0000"}` || i.LogTail != "l\uFFFDg" || len(i.Deliveries) != 1 || i.Deliveries[0].State != slipway.DeliveryWaiting || i.EndedAt == nil || i.Attempts[1].CPU != 0.5 {
			t.Errorf("%+v", i)
		}
		_, err = s.Invocation(t.Context(), "other", "a")
		wantKind(t, err, slipway.ErrNotFound)
		_, err = s.Event(t.Context(), "other", "a")
		wantKind(t, err, slipway.ErrNotFound)
	})
}

// TestClaimsOnce: of many who claim at the same time each gets others.
func TestClaimsOnce(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		addInvocations(t, s, "f", 200)
		turns := make([][]slipway.Turn, 8)
		atOnce(t, len(turns), func(i int) error {
			for {
				some, err := s.ClaimTurns(t.Context(), fmt.Sprint("engine", i), moment.Add(30*time.Minute), []slipway.Claim{{FunctionRef: ref("f"), Most: 7}})
				turns[i] = append(turns[i], some...)
				if err != nil || len(some) == 0 {
					return err
				}
			}
		})
		seen := map[string]bool{}
		for _, some := range turns {
			for _, turn := range some {
				if seen[turn.ID] {
					t.Errorf("%s has two owners", turn.ID)
				}
				seen[turn.ID] = true
			}
		}
		// Who claims while others have locked what is next gets nothing and tries again.
		if rest := claim(t, s, "last", "f", 200); len(seen)+len(rest) != 200 {
			t.Errorf("%d events were claimed, and %d at the end", len(seen), len(rest))
		}
	})
}

func TestDueFunctions(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		addInvocations(t, s, "f", 3)
		addInvocations(t, s, "g", 2)
		claim(t, s, "me", "f", 1)
		claim(t, s, "me", "g", 2)
		due, err := s.DueFunctions(t.Context())
		must(t, err)
		if want := []slipway.DueFunction{{FunctionRef: ref("f"), NextAt: moment.Add(time.Second)}}; !reflect.DeepEqual(due, want) {
			t.Errorf("%+v, want %+v", due, want)
		}
	})
}

func TestOverdue(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		addInvocations(t, s, "f", 3)
		overdue, err := s.OverdueEvents(t.Context(), moment.Add(time.Hour+time.Second), 10)
		must(t, err)
		if len(overdue) != 2 {
			t.Fatalf("%+v", overdue)
		}
		if turns, err := s.ClaimTurns(t.Context(), "me", moment.Add(2*time.Hour), []slipway.Claim{{FunctionRef: ref("f"), Most: 5}}); err != nil || len(turns) != 0 {
			t.Errorf("what is too old was begun: %+v, %v", turns, err)
		}
		expire := slipway.TurnEnd{ID: overdue[0].ID, Attempt: overdue[0].Attempt, State: slipway.InvocationExpired, At: moment}
		if !end(t, s, expire) || end(t, s, expire) {
			t.Error("it did not expire once")
		}
		i, err := s.Invocation(t.Context(), slipway.DefaultTenant, overdue[0].ID)
		must(t, err)
		if i.State != slipway.InvocationExpired || len(i.Attempts) != 0 {
			t.Errorf("%+v", i)
		}
	})
}

func TestListInvocations(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		addInvocations(t, s, "f", 5)
		addInvocations(t, s, "g", 5)
		for _, turn := range claim(t, s, "me", "g", 2) {
			end(t, s, endOf(turn, "me", slipway.InvocationFailed))
		}
		list := func(f slipway.InvocationFilter, limit int) (ids []string) {
			t.Helper()
			for page := (slipway.Page{Limit: limit}); ; {
				part, err := s.Invocations(t.Context(), slipway.DefaultTenant, f, page)
				must(t, err)
				for _, i := range part.Items {
					ids = append(ids, i.ID)
				}
				if page.Cursor = part.Next; page.Cursor == "" {
					return ids
				}
			}
		}
		for _, test := range []struct {
			filter slipway.InvocationFilter
			want   []string
		}{
			{slipway.InvocationFilter{Function: "f"}, []string{"f4", "f3", "f2", "f1", "f0"}},
			{slipway.InvocationFilter{States: []slipway.InvocationState{"failed", "expired"}}, []string{"g1", "g0"}},
			{slipway.InvocationFilter{Function: "g", States: []slipway.InvocationState{"queued"}}, []string{"g4", "g3", "g2"}},
			{slipway.InvocationFilter{Since: moment.Add(3 * time.Second)}, []string{"g4", "f4", "g3", "f3"}},
			{slipway.InvocationFilter{Function: "none"}, nil},
		} {
			for _, limit := range []int{1, 2, 100} {
				if got := list(test.filter, limit); !reflect.DeepEqual(got, test.want) {
					t.Errorf("%+v by %d: %v, want %v", test.filter, limit, got, test.want)
				}
			}
		}
		other, err := s.Invocations(t.Context(), "other", slipway.InvocationFilter{}, slipway.Page{})
		if err != nil || len(other.Items) != 0 {
			t.Errorf("another tenant sees %+v, %v", other, err)
		}
		for _, bad := range []slipway.Page{{Cursor: "!"}, {Cursor: "YQ"}, {Limit: 1001}} {
			_, err := s.Invocations(t.Context(), slipway.DefaultTenant, slipway.InvocationFilter{}, bad)
			wantKind(t, err, slipway.ErrInvalid)
		}
		_, err = s.Invocations(t.Context(), slipway.DefaultTenant, slipway.InvocationFilter{States: []slipway.InvocationState{"'; --"}}, slipway.Page{})
		wantKind(t, err, slipway.ErrInvalid)
	})
}

func TestCancelInvocation(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		addInvocations(t, s, "f", 2)
		turns := claim(t, s, "me", "f", 1)
		for _, id := range []string{"f0", "f1"} {
			must(t, s.CancelInvocation(t.Context(), slipway.DefaultTenant, id))
		}
		ids, err := s.Cancelling(t.Context(), "me")
		if err != nil || len(ids) != 1 || ids[0] != turns[0].ID {
			t.Errorf("%v, %v", ids, err)
		}
		if rest := claim(t, s, "me", "f", 1); len(rest) != 1 || !rest[0].Cancelling {
			t.Errorf("%+v", rest)
		}
		end(t, s, endOf(turns[0], "me", slipway.InvocationCancelled))
		i, err := s.Invocation(t.Context(), slipway.DefaultTenant, "f0")
		if err != nil || i.Cancelling || i.State != slipway.InvocationCancelled {
			t.Errorf("%+v, %v", i, err)
		}
		wantKind(t, s.CancelInvocation(t.Context(), slipway.DefaultTenant, "f0"), slipway.ErrConflict)
		wantKind(t, s.CancelInvocation(t.Context(), "other", "f1"), slipway.ErrNotFound)
	})
}

func TestDropEngine(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		for range 2 {
			_, err := s.EngineBeat(t.Context(), "me", "node")
			must(t, err)
		}
		all, err := s.EngineBeat(t.Context(), "other", "node")
		if err != nil || len(all) != 2 {
			t.Fatalf("%+v, %v", all, err)
		}
		addInvocations(t, s, "f", 1500) // more than one transaction takes
		claim(t, s, "me", "f", 1400)
		claim(t, s, "other", "f", 50)
		why := slipway.InvocationError{Type: "interrupted", Platform: true}
		n, err := s.DropEngine(t.Context(), "me", moment.Add(30*time.Minute), why)
		if err != nil || n != 1400 {
			t.Errorf("%d, %v", n, err)
		}
		if all, err = s.EngineBeat(t.Context(), "other", "node"); err != nil || len(all) != 1 || all[0].Beat != 2 {
			t.Errorf("%+v, %v", all, err)
		}
		turns := claim(t, s, "third", "f", 2000)
		second := 0
		for _, turn := range turns {
			if turn.Attempt == 2 && turn.Failed == 0 {
				second++
			}
		}
		if len(turns) != 1450 || second != 1400 {
			t.Errorf("%d turns, of which %d are the second", len(turns), second)
		}
	})
}

func TestDeliveries(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		addInvocations(t, s, "f", 1)
		e := endOf(claim(t, s, "me", "f", 1)[0], "me", slipway.InvocationSucceeded)
		e.Destination = "nats:x"
		end(t, s, e)
		next, err := s.NextDelivery(t.Context())
		if err != nil || next == nil || !next.Equal(e.At) {
			t.Fatalf("%v, %v", next, err)
		}
		until := e.At.Add(time.Minute)
		due, err := s.ClaimDeliveries(t.Context(), e.At, until, 10)
		if err != nil || len(due) != 1 || due[0].Invocation != "f0" || due[0].Function != "f" || due[0].Attempts != 0 || !due[0].Since.Equal(e.At) {
			t.Fatalf("%+v, %v", due, err)
		}
		if again, err := s.ClaimDeliveries(t.Context(), e.At, until, 10); err != nil || len(again) != 0 {
			t.Errorf("claimed twice: %+v, %v", again, err)
		}
		must(t, s.PutOffDelivery(t.Context(), due[0], e.At.Add(time.Second), "down"))
		if n, err := s.PruneInvocations(t.Context(), e.At.Add(time.Hour), 10); err != nil || n != 0 {
			t.Errorf("%d were forgotten before they were delivered, %v", n, err)
		}
		if due, err = s.ClaimDeliveries(t.Context(), e.At.Add(time.Second), until, 10); err != nil || len(due) != 1 || due[0].Attempts != 1 {
			t.Errorf("%+v, %v", due, err)
		}
		must(t, s.EndDelivery(t.Context(), due[0], slipway.DeliveryDelivered, ""))
		if next, err := s.NextDelivery(t.Context()); err != nil || next != nil {
			t.Errorf("%v, %v", next, err)
		}
		if n, err := s.PruneInvocations(t.Context(), e.At.Add(time.Hour), 10); err != nil || n != 1 {
			t.Errorf("%d were forgotten, %v", n, err)
		}
	})
}

func TestRedrives(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		addInvocations(t, s, "f", 4)
		for _, turn := range claim(t, s, "me", "f", 3) {
			end(t, s, endOf(turn, "me", slipway.InvocationFailed))
		}
		must(t, s.Redrive(t.Context(), slipway.DefaultTenant, "f0", "new", time.Hour))
		wantKind(t, s.Redrive(t.Context(), slipway.DefaultTenant, "f0", "newer", time.Hour), slipway.ErrConflict)
		wantKind(t, s.Redrive(t.Context(), slipway.DefaultTenant, "f3", "newer", time.Hour), slipway.ErrConflict)
		wantKind(t, s.Redrive(t.Context(), "other", "f1", "newer", time.Hour), slipway.ErrNotFound)
		e, err := s.Event(t.Context(), slipway.DefaultTenant, "new")
		if err != nil || string(e.Payload) != "x" || e.Source != "redrive:f0" {
			t.Errorf("%+v, %v", e, err)
		}
		for _, want := range []int{1, 1, 0} {
			if n, err := s.RedriveDead(t.Context(), ref("f"), time.Hour, 1); err != nil || n != want {
				t.Errorf("%d, %v, want %d", n, err, want)
			}
		}
	})
}

func TestWebhookKeys(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		keys := make(chan string, 8)
		atOnce(t, 8, func(i int) error {
			k, err := s.WebhookKey(t.Context(), slipway.DefaultTenant, fmt.Sprint("key", i))
			keys <- k.Key
			return err
		})
		first := <-keys
		for range 7 {
			if k := <-keys; k != first {
				t.Errorf("two keys, %s and %s", first, k)
			}
		}
		k, err := s.RotateWebhookKey(t.Context(), slipway.DefaultTenant, "next")
		if err != nil || k.Key != "next" || k.Previous != first || k.RotatedAt == nil {
			t.Errorf("%+v, %v", k, err)
		}
		_, err = s.WebhookKey(t.Context(), "none", "x")
		wantKind(t, err, slipway.ErrNotFound)
	})
}

func TestUnusedBlobs(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		must(t, errors.Join(s.NoteBlob(t.Context(), "used"), s.NoteBlob(t.Context(), "unused"), s.NoteBlob(t.Context(), "unused")))
		e := event("a", "f", "")
		e.Blob = "used"
		must(t, s.AddInvocations(t.Context(), []slipway.Event{e}, hour))
		later := time.Now().Add(time.Hour)
		if d, err := s.UnusedBlobs(t.Context(), later, 10); err != nil || len(d) != 1 || d[0] != "unused" {
			t.Errorf("%v, %v", d, err)
		}
		must(t, s.ForgetBlob(t.Context(), "unused"))
		if d, err := s.UnusedBlobs(t.Context(), later, 10); err != nil || len(d) != 0 {
			t.Errorf("%v, %v", d, err)
		}
	})
}

// TestDeletedTenantsInvocations: who gets the name of a tenant later does not see them.
func TestDeletedTenantsInvocations(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		addTenant(t, s, "gone")
		e := event("a", "f", "")
		e.Tenant = "gone"
		must(t, s.AddInvocations(t.Context(), []slipway.Event{e}, hour))
		must(t, s.DeleteTenant(t.Context(), "gone"))
		addTenant(t, s, "gone")
		_, err := s.Invocation(t.Context(), "gone", "a")
		wantKind(t, err, slipway.ErrNotFound)
	})
}

package bus_test

import (
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/bus"
)

func TestNotices(t *testing.T) {
	eachWay(t, bus.Config{}, func(t *testing.T, from, to *bus.Bus) {
		states, changes := make(chan slipway.InvokerState, 10), make(chan slipway.FunctionRef, 10)
		stop, err := to.WatchInvokers(func(s slipway.InvokerState) { states <- s })
		if err != nil {
			t.Fatal(err)
		}
		stopChanges, err := to.WatchChanges(func(ref slipway.FunctionRef) { changes <- ref })
		if err != nil {
			t.Fatal(err)
		}
		defer stopChanges()
		ref := slipway.FunctionRef{Tenant: "t", Function: "f"}
		want := slipway.InvokerState{ID: "i-1", FreeMemoryMB: 5, At: time.Unix(1, 0).UTC(),
			Versions: []slipway.VersionCount{{VersionRef: slipway.VersionRef{Tenant: "t", Function: "f", Version: 3}, Free: 2}}}
		if err := from.PublishInvoker(want); err != nil {
			t.Fatal(err)
		}
		if err := from.PublishChange(ref); err != nil {
			t.Fatal(err)
		}
		if got := wait(t, "the state", states); got.ID != want.ID || got.FreeMemoryMB != 5 || got.Versions[0] != want.Versions[0] || !got.At.Equal(want.At) {
			t.Errorf("got %+v", got)
		}
		if got := wait(t, "the change", changes); got != ref {
			t.Errorf("got %v", got)
		}
		stop()
		if err := from.PublishInvoker(want); err != nil {
			t.Fatal(err)
		}
		if err := from.PublishChange(ref); err != nil {
			t.Fatal(err)
		}
		wait(t, "the second change", changes)
		if len(states) != 0 {
			t.Error("a watch goes on after its end")
		}
	})
}

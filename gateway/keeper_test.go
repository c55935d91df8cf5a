package gateway_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
)

// wishes are the lists that the invoker is told from now on.
func (i *fakeInvoker) wishes() <-chan slipway.WishList {
	i.w.t.Helper()
	lists := make(chan slipway.WishList, 1000)
	stop, err := i.w.bus.WatchWishes(i.id, func(l slipway.WishList) { lists <- l })
	must(i.w.t, err)
	i.w.t.Cleanup(stop)
	return lists
}

// awaitWish waits until the invoker is told to keep n instances of version.
func awaitWish(t *testing.T, lists <-chan slipway.WishList, version, n int) {
	t.Helper()
	var last slipway.WishList
	for {
		select {
		case last = <-lists:
		case <-time.After(patience):
			t.Fatalf("the last list was %+v", last)
		}
		if n == 0 && len(last.Wishes) == 0 {
			return
		}
		if len(last.Wishes) == 1 && last.Wishes[0].Version == version && last.Wishes[0].Instances == n && last.Lease > 0 {
			return
		}
	}
}

func TestInvokersAreToldWhatToKeep(t *testing.T) {
	w := newWorld(t)
	a := w.newInvoker("a")
	lists := a.wishes()
	w.publish("hello", func(c *slipway.Config) { c.Scaling.Min = 2 })
	awaitWish(t, lists, 1, 2)

	_, err := w.api.PutFunction(t.Context(), "hello", json.RawMessage(`{"scaling":{"min":1,"provisioned":3}}`))
	must(t, err)
	awaitWish(t, lists, 1, 3)
	w.publish("hello", nil)
	awaitWish(t, lists, 2, 3)

	b := w.newInvoker("b") // the two share it
	more := b.wishes()
	shares := map[string]int{}
	for shares["a"]+shares["b"] != 3 || shares["b"] == 0 {
		for id, lists := range map[string]<-chan slipway.WishList{"a": lists, "b": more} {
			shares[id] = 0
			for _, wish := range (<-lists).Wishes {
				shares[id] += wish.Instances
			}
		}
	}
	b.publish(func(s *slipway.InvokerState) { s.Draining = true })
	awaitWish(t, lists, 2, 3)

	must(t, w.api.DeleteFunction(t.Context(), "hello"))
	awaitWish(t, lists, 0, 0)
}

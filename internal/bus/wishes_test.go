package bus_test

import (
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/bus"
)

func TestWishes(t *testing.T) {
	eachWay(t, bus.Config{}, func(t *testing.T, from, to *bus.Bus) {
		lists := make(chan slipway.WishList, 10)
		stop, err := to.WatchWishes("i-1", func(w slipway.WishList) { lists <- w })
		if err != nil {
			t.Fatal(err)
		}
		defer stop()
		want := slipway.WishList{Invoker: "i-1", Lease: slipway.Duration(time.Second), Wishes: []slipway.Wish{
			{VersionRef: slipway.VersionRef{Tenant: "t", Function: "f", Version: 3}, Instances: 2, Limit: 5},
		}}
		for _, to := range []string{"i-2", "i-1"} {
			list := want
			list.Invoker = to
			if err := from.PublishWishes(list); err != nil {
				t.Fatal(err)
			}
		}
		got := wait(t, "the list", lists)
		if got.Invoker != "i-1" || got.Lease != want.Lease || len(got.Wishes) != 1 || got.Wishes[0] != want.Wishes[0] {
			t.Errorf("got %+v", got)
		}
	})
}

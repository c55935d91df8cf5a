package gateway

import (
	"context"
	"log/slog"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/bus"
)

const (
	// wishEvery is how often invokers are told what to keep, beside at every change.
	wishEvery = 2 * time.Second
	// wishLease is how long they believe it: while gateways restart, nothing goes.
	wishLease = 30 * time.Second
)

// keeper has instances kept ready: it tells each invoker which, and how many. Every
// gateway does so, and they agree because they know the same.
type keeper struct {
	routes   *routeTable
	invokers *invokers
	bus      *bus.Bus
	log      *slog.Logger
	news     bell

	told  map[string]bool             // invokers that were told to keep something
	short map[slipway.VersionRef]bool // versions whose shortage was said
}

func newKeeper(routes *routeTable, invokers *invokers, b *bus.Bus, log *slog.Logger, news bell) *keeper {
	return &keeper{routes: routes, invokers: invokers, bus: b, log: log, news: news,
		told: map[string]bool{}, short: map[slipway.VersionRef]bool{}}
}

// run tells the invokers until ctx ends.
func (k *keeper) run(ctx context.Context) {
	tick := time.NewTicker(wishEvery)
	defer tick.Stop()
	for {
		select {
		case <-k.news:
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if k.routes.loaded() {
			k.tell()
		}
	}
}

func (k *keeper) tell() {
	states := k.invokers.states()
	a := assign(k.routes.wanted(time.Now()), states)
	for _, inv := range states {
		wishes := a.wishes[inv.ID]
		if len(wishes) == 0 && !k.told[inv.ID] {
			continue
		}
		list := slipway.WishList{Invoker: inv.ID, Lease: slipway.Duration(wishLease), Wishes: wishes}
		if err := k.bus.PublishWishes(list); err != nil {
			k.log.Debug("wishes not published", "invoker", inv.ID, "err", err) // the next ones are a moment away
			continue
		}
		k.told[inv.ID] = len(wishes) > 0
	}
	if len(states) > 0 {
		k.report(a)
	}
}

// report says, once, of which version not all instances can be kept.
func (k *keeper) report(a assignment) {
	for ref, want := range a.wanted {
		wanted, placed := want.n, a.placed[ref]
		if short := placed < wanted; short != k.short[ref] {
			k.short[ref] = short
			if short {
				k.log.Warn("fewer instances are kept than scaling asks for: no invoker has the memory", "tenant", ref.Tenant, "function", ref.Function,
					"version", ref.Version, "wanted", wanted, "placed", placed, "memory_mb", want.spec.Config.MemoryMB)
			}
		}
	}
	for ref := range k.short {
		if _, ok := a.wanted[ref]; !ok || !k.short[ref] {
			delete(k.short, ref)
		}
	}
}

// bell wakes one who waits; rings while nobody listens are one.
type bell chan struct{}

func newBell() bell { return make(bell, 1) }

func (b bell) ring() {
	select {
	case b <- struct{}{}:
	default:
	}
}

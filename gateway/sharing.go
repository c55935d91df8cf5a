package gateway

import (
	"context"
	"log/slog"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/bus"
)

const (
	shareEvery = time.Second           // at most
	sharePause = 20 * time.Millisecond // between two, at least
)

// sharing tells the other gateways what this one counts, and takes what they say: once
// a second, and soon after what is in flight of a tenant with a limit has changed.
type sharing struct {
	self     string
	peers    *peers
	limits   *limits
	releases *releases
	bus      *bus.Bus
	log      *slog.Logger
}

// begin takes what the others say from now on.
func (s *sharing) begin() (stop func(), err error) {
	return s.bus.WatchGateways(func(state slipway.GatewayState) {
		s.peers.take(state)
		s.limits.heard(s.peers.present(time.Now()))
	})
}

// run tells the others until ctx ends.
func (s *sharing) run(ctx context.Context) {
	every, pause := time.NewTicker(shareEvery), time.NewTimer(0)
	defer every.Stop()
	defer pause.Stop()
	for told := false; ; {
		select { // changes that come in the pause are one
		case <-pause.C:
		case <-ctx.Done():
			return
		}
		select {
		case <-s.limits.news:
		case <-every.C:
			s.limits.heard(s.peers.present(time.Now())) // who fell silent has nothing in flight
		case <-ctx.Done():
			return
		}
		told = s.tell(told)
		pause.Reset(sharePause)
	}
}

// tell says what there is to say, and once more when there is nothing left.
func (s *sharing) tell(told bool) bool {
	state := slipway.GatewayState{ID: s.self, At: time.Now().UTC(), Load: s.limits.load(), Tallies: s.releases.tallies.reports()}
	something := len(state.Load)+len(state.Tallies) > 0
	if !something && !told {
		return false
	}
	if err := s.bus.PublishGateway(state); err != nil {
		s.log.Debug("state not published", "err", err) // the next one is a second away
	}
	return something
}

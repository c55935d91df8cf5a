package invoker_test

import (
	"testing"

	"github.com/slipway-run/slipway"
)

// TestUsedByInstances: what instances used is counted once, from the first call on.
func TestUsedByInstances(t *testing.T) {
	m := boot(t)
	first := m.deploy("first", slipway.ProtocolHTTP)
	m.get(first, "/")
	if s := m.used(); s != 0 {
		t.Errorf("%g s before anybody asked", s)
	}
	second := m.deploy("second", slipway.ProtocolLambda)
	m.get(second, "/")
	start := m.used()
	if start <= 0 || start > 60 {
		t.Errorf("%g s for the start of an instance", start)
	}
	m.get(first, "/")
	if s := m.used(); s <= start || s > 60 {
		t.Errorf("%g s after an event of an instance that was there before, and %g before it", s, start)
	}
	m.freeze()
	before := m.used()
	if s := m.used(); s < before || s > before+start {
		t.Errorf("%g s more while one is frozen and the other idle", s-before)
	}
}

package slipway_test

import (
	"errors"
	"testing"

	"github.com/slipway-run/slipway"
)

func TestDestinationsStayWithTheirTenant(t *testing.T) {
	for _, c := range []struct {
		tenant, text string
		allowed      bool
	}{
		{"default", "nats:orders.paid", true}, {"team-a", "nats:team-a.paid", true}, {"team-a", "nats:team-ab.paid", false},
		{"team-a", "nats:team-a", false}, {"team-a", "nats:orders.paid", false}, {"team-a", "function:f", true}, {"team-a", "https://example.org", true},
	} {
		d, err := slipway.ParseDestination(c.text)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.CheckOwner(c.tenant); (err == nil) != c.allowed || err != nil && !errors.Is(err, slipway.ErrInvalid) {
			t.Errorf("%s of %s: %v", c.text, c.tenant, err)
		}
	}
}

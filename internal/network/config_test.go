package network_test

import (
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"github.com/slipway-run/slipway/internal/network"
)

func TestConfigIsChecked(t *testing.T) {
	for name, c := range map[string]struct {
		cfg  network.Config
		want string
	}{
		"no name":               {network.Config{}, "name"},
		"name with a space":     {network.Config{Name: "a b"}, "name"},
		"IPv6 as IPv4":          {network.Config{Name: "a", IPv4: netip.MustParsePrefix("fd00::/64")}, "IPv4 prefix"},
		"too small":             {network.Config{Name: "a", IPv4: netip.MustParsePrefix("10.0.0.0/31")}, "/30 or larger"},
		"IPv4 as IPv6":          {network.Config{Name: "a", IPv6: netip.MustParsePrefix("10.0.0.0/8")}, "IPv6 prefix"},
		"no prefix in allow":    {network.Config{Name: "a", Allow: make([]netip.Prefix, 1)}, "allow"},
		"loopback resolver":     {network.Config{Name: "a", DNS: []netip.Addr{netip.MustParseAddr("127.0.0.53")}}, "configure a DNS server"},
		"resolver with a zone":  {network.Config{Name: "a", DNS: []netip.Addr{netip.MustParseAddr("fe80::1%eth0")}}, "configure a DNS server"},
		"nothing but the name":  {network.Config{Name: "slipway-0a1b2c3d"}, ""},
		"resolver in a private": {network.Config{Name: "a", DNS: []netip.Addr{netip.MustParseAddr("10.0.0.2")}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := network.New(c.cfg, slog.New(slog.DiscardHandler))
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("the error is %v, want one with %q", err, c.want)
			}
		})
	}
}

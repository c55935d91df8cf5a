package network

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestResolversOfTheMachine(t *testing.T) {
	for name, c := range map[string]struct {
		files []string // "" for one that is missing
		want  string
	}{
		"plain":                {[]string{"# comment\nsearch example.org\nnameserver 10.0.0.2\nnameserver 2001:db8::1\n", ""}, "10.0.0.2 2001:db8::1"},
		"behind a local stub":  {[]string{"nameserver 127.0.0.53\noptions edns0\n", "nameserver 192.0.2.53\n"}, "192.0.2.53"},
		"local among others":   {[]string{"nameserver ::1\nnameserver 9.9.9.9\n", "nameserver 192.0.2.53\n"}, "9.9.9.9"},
		"nothing but a stub":   {[]string{"nameserver 127.0.0.53\n", ""}, ""},
		"no file at all":       {[]string{"", ""}, ""},
		"mapped and malformed": {[]string{"nameserver\nnameserver x\nnameserver ::ffff:192.0.2.1\nnameserver fe80::1%eth0\n", ""}, "192.0.2.1"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			var files []string
			for i, text := range c.files {
				files = append(files, filepath.Join(dir, string(rune('a'+i))))
				if text == "" {
					continue
				}
				if err := os.WriteFile(files[i], []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			got, err := resolvers(files)
			var texts []string
			for _, a := range got {
				texts = append(texts, a.String())
			}
			if strings.Join(texts, " ") != c.want {
				t.Errorf("resolvers are %v, want %s", texts, c.want)
			}
			if c.want == "" && (err == nil || !strings.Contains(err.Error(), "configure DNS")) {
				t.Errorf("the error is %v, want it to say to configure DNS", err)
			}
		})
	}
}

func TestPoolGivesTheLongestFree(t *testing.T) {
	p := newPool("slw-", netip.MustParsePrefix("10.0.0.0/29"), netip.MustParsePrefix("fd00::/64"))
	take := func() uint32 {
		slot, err := p.take()
		if err != nil {
			t.Fatal(err)
		}
		return slot
	}
	var got []uint32
	for range 4 {
		got = append(got, take())
	}
	p.give(2)
	p.give(0)
	for range 4 {
		got = append(got, take())
	}
	if want := []uint32{0, 1, 2, 3, 4, 5, 2, 0}; !slices.Equal(got, want) {
		t.Errorf("slots are %v, want %v", got, want)
	}
	if _, err := p.take(); err == nil {
		t.Error("a ninth slot of six was given")
	}
	if v4, v6 := p.addresses(5); v4.String() != "10.0.0.6" || v6.String() != "fd00::6" {
		t.Errorf("the addresses of slot 5 are %s and %s", v4, v6)
	}
}

func TestLinkNamesFit(t *testing.T) {
	p := newPool(identify("slipway-0a1b2c3d").linkPrefix, netip.MustParsePrefix("10.0.0.0/8"), netip.Prefix{})
	if p.size != maxSlots {
		t.Errorf("a /8 has %d slots, want %d", p.size, maxSlots)
	}
	if name := p.linkName(p.size - 1); len(name) > 15 {
		t.Errorf("the name %q has more than 15 characters", name)
	}
}

func TestIntervals(t *testing.T) {
	list := prefixes("10.1.0.0/16", "10.0.0.0/8", "224.0.0.0/3", "10.0.0.0/8", "192.0.2.1/32")
	var got []string
	for _, e := range intervals(list) {
		a, _ := netip.AddrFromSlice(e.Key)
		if e.IntervalEnd {
			got = append(got, "before "+a.String())
		} else {
			got = append(got, a.String())
		}
	}
	want := "10.0.0.0, before 11.0.0.0, 192.0.2.1, before 192.0.2.2, 224.0.0.0"
	if strings.Join(got, ", ") != want {
		t.Errorf("intervals are %s, want %s", strings.Join(got, ", "), want)
	}
}

func TestWatchIsDueOnce(t *testing.T) {
	w := newWatch()
	if w.due() {
		t.Error("a new watch is due")
	}
	w.next = w.next.Add(-recheck)
	if !w.due() || w.due() {
		t.Error("a watch whose time has come is not due exactly once")
	}
}

package gateway

import (
	"net/http/httptest"
	"strings"
	"testing"
)

func TestEventTarget(t *testing.T) {
	tests := []struct {
		host, uri string
		want      target
		ok        bool
	}{
		{"hello.localhost:8080", "/", target{"default", "hello", "live", "/"}, true},
		{"hello.localhost", "/a%2Fb?x=1&y", target{"default", "hello", "live", "/a%2Fb?x=1&y"}, true},
		{"HELLO.LocalHost.", "/v1/functions", target{"default", "hello", "live", "/v1/functions"}, true},
		{"canary--hello.localhost:8080", "/healthz", target{"default", "hello", "canary", "/healthz"}, true},
		{"hello.acme.localhost", "/", target{"acme", "hello", "live", "/"}, true},
		{"canary--hello.acme.localhost:80", "/x", target{"acme", "hello", "canary", "/x"}, true},
		{"a.b.c.localhost", "/", target{"b.c", "a", "live", "/"}, true}, // nobody's
		{"localhost:8080", "/v1/functions", target{}, false},
		{"hellolocalhost", "/", target{}, false},
		{".localhost", "/", target{}, false},
		{"[::1]:8080", "/v1/functions", target{}, false},
		{"127.0.0.1:8080", "/fn/hello", target{"default", "hello", "live", "/"}, true},
		{"127.0.0.1:8080", "/fn/hello?q=1", target{"default", "hello", "live", "/?q=1"}, true},
		{"127.0.0.1:8080", "/fn/hello:canary/a/b?c=/d", target{"default", "hello", "canary", "/a/b?c=/d"}, true},
		{"127.0.0.1:8080", "/fn/hello//x/../y", target{"default", "hello", "live", "//x/../y"}, true},
		{"127.0.0.1:8080", "/fn", target{}, false},
		{"127.0.0.1:8080", "/%66n/hello", target{}, false},
	}
	for _, tt := range tests {
		t.Run(tt.host+tt.uri, func(t *testing.T) {
			r := httptest.NewRequest("GET", tt.uri, nil)
			r.Host = tt.host
			got, ok := eventTarget(r, "localhost")
			if got != tt.want || ok != tt.ok {
				t.Errorf("got %+v, %v; want %+v, %v", got, ok, tt.want, tt.ok)
			}
		})
	}
}

func FuzzPathTarget(f *testing.F) {
	for _, seed := range []string{"/fn/a", "/fn/a:b/c?d", "/fn//", "/fn/?", "/fn/a?:/", "/fn/:"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		got, ok := pathTarget(uri)
		if ok != strings.HasPrefix(uri, "/fn/") {
			t.Fatalf("%q is an event: %v", uri, ok)
		}
		if !ok {
			return
		}
		if !strings.HasPrefix(got.uri, "/") {
			t.Errorf("%q: the function would see %q", uri, got.uri)
		}
		if strings.ContainsAny(got.function+got.alias, "/?") {
			t.Errorf("%q: names function %q, alias %q", uri, got.function, got.alias)
		}
		if rest := strings.TrimPrefix(got.uri, "/"); !strings.HasSuffix(uri, rest) {
			t.Errorf("%q: the function would see %q, which was not sent", uri, got.uri)
		}
	})
}

func FuzzHostLabel(f *testing.F) {
	f.Add("a.localhost:80")
	f.Add("a--b.localhost.")
	f.Add("[::1]:80")
	f.Fuzz(func(t *testing.T, host string) {
		if label, ok := hostLabel(host, "localhost"); ok && (label == "" || len(label) >= len(host)) {
			t.Errorf("%q: label %q", host, label)
		}
	})
}

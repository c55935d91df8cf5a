package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
)

func TestManifest(t *testing.T) {
	tests := []struct {
		name, text   string
		want, config string
		fault        string
	}{
		{"nothing", "", "", "", ""},
		{"only a name", "name: hello\n", "hello", "", ""},
		{"a configuration", "name: hello\nmemory_mb: 64\nenv: {A: \"1\"}\nscaling:\n  idle_timeout: 10s\n", "hello", `{"env":{"A":"1"},"memory_mb":64,"scaling":{"idle_timeout":"10s"}}`, ""},
		{"an unknown key", "memroy_mb: 64\n", "", "", "memroy_mb"},
		{"out of bounds", "memory_mb: 5\n", "", "", "between 16 and 65536"},
		{"a number for text", "env: {A: 1}\n", "", "", "env"},
		{"the same key twice", "port: 1\nport: 2\n", "", "", "already defined"},
		{"no mapping", "- a\n", "", "", "slipway.yaml"},
		{"a name that is none", "name: [a]\n", "", "", "name"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := readManifest(tree(t, map[string]string{manifestFile: tt.text}))
			if tt.fault != "" {
				if !errors.Is(err, slipway.ErrInvalid) || !strings.Contains(err.Error(), tt.fault) {
					t.Errorf("%v; want %q in it", err, tt.fault)
				}
				return
			}
			if err != nil || m.name != tt.want || string(m.config) != tt.config {
				t.Errorf("%q, %s, %v", m.name, m.config, err)
			}
		})
	}
}

func TestFunctionName(t *testing.T) {
	tests := []struct {
		d        deployment
		manifest string
		want     string // "" is refused
	}{
		{deployment{dir: "/x/hello", name: "flag"}, "file", "flag"},
		{deployment{dir: "/x/hello"}, "file", "file"},
		{deployment{dir: "/x/Hello"}, "", "hello"},
		{deployment{dir: "/x/my_app"}, "", ""},
		{deployment{image: "registry.example.com:5000/team/app:1.2"}, "", "app"},
		{deployment{image: "app@sha256:abc"}, "", "app"},
		{deployment{image: "./out/App.tar.gz"}, "", "app"},
		{deployment{dir: "/", name: "No_Good"}, "", ""},
	}
	for _, tt := range tests {
		got, err := tt.d.functionName(manifest{name: tt.manifest})
		if (tt.want == "") != (err != nil) || tt.want != "" && got != tt.want {
			t.Errorf("%+v: %q, %v; want %q", tt.d, got, err, tt.want)
		}
	}
}

func TestShares(t *testing.T) {
	tests := []struct {
		shares  []string
		version int // 0 is refused
		weights map[int]float64
	}{
		{[]string{"3"}, 3, nil},
		{[]string{"3", "4=0.1"}, 3, map[int]float64{4: 0.1}},
		{[]string{"4=0.1", "3"}, 3, map[int]float64{4: 0.1}},
		{[]string{"4=0.1"}, 0, nil},
		{[]string{"3", "4"}, 0, nil},
		{[]string{"3", "4=2"}, 0, nil},
		{[]string{"3", "4=NaN"}, 0, nil},
		{[]string{"3=0.5", "4=0.5"}, 0, nil},
		{[]string{"0"}, 0, nil},
		{[]string{"one"}, 0, nil},
	}
	for _, tt := range tests {
		version, weights, err := parseShares(tt.shares)
		if tt.version == 0 {
			if !isUsage(err) {
				t.Errorf("%q: %v", tt.shares, err)
			}
			continue
		}
		if err != nil || version != tt.version || !reflect.DeepEqual(weights, tt.weights) {
			t.Errorf("%q: %d, %v, %v", tt.shares, version, weights, err)
		}
	}
}

func TestAdminKey(t *testing.T) {
	dir := tree(t, map[string]string{adminKeyFile: "slipway_secret\n"})
	if got := findAdminKey([]string{"", t.TempDir(), dir}); strings.TrimSpace(got) != "slipway_secret" {
		t.Errorf("found %q", got)
	}
	for host, want := range map[string]bool{"127.0.0.1": true, "localhost": true, "::1": true, "10.0.0.1": false, "example.com": false, "localhost.example.com": false} {
		if isLoopback(host) != want {
			t.Errorf("%s is this machine: %v", host, !want)
		}
	}
	for _, url := range []string{"127.0.0.1:8080", "ftp://x", "http://"} {
		if _, err := newClient(func(name string) string { return map[string]string{"SLIPWAY_URL": url}[name] }); !isUsage(err) {
			t.Errorf("%q: %v", url, err)
		}
	}
}

func TestMoment(t *testing.T) {
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{"": {}, "10m": now.Add(-10 * time.Minute), "2026-01-01T00:00:00Z": time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)} {
		if got, err := moment(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	if _, err := moment("yesterday", now); !isUsage(err) {
		t.Errorf("yesterday: %v", err)
	}
}

func TestTable(t *testing.T) {
	tab := newTable("NAME", "STATE")
	tab.row("é", cell{"ready", green})
	tab.row("longer", 3)
	var out bytes.Buffer
	if err := tab.write(&out); err != nil {
		t.Fatal(err)
	}
	if want := "NAME    STATE\né       ready\nlonger  3\n"; out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

func TestPlainProgress(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out)
	p.upload(10, 2048)
	p.upload(2048, 2048)
	p.event(slipway.BuildEvent{Step: "compile"})
	p.event(slipway.BuildEvent{Step: "compile", Done: 1, Total: 2})
	p.event(slipway.BuildEvent{Text: "main.go:3: undefined: x"})
	p.end(false)
	if want := "==> upload (2.0 KiB)\n==> compile\nmain.go:3: undefined: x\n"; out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

func TestOpenEvent(t *testing.T) {
	file := filepath.Join(tree(t, map[string]string{"e.json": "from a file"}), "e.json")
	for data, want := range map[string]string{"": "", "text": "text", "@" + file: "from a file", "@-": "from stdin"} {
		r, err := openEvent(data, strings.NewReader("from stdin"))
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		if _, err := got.ReadFrom(r); err != nil || got.String() != want {
			t.Errorf("%q: %q, %v", data, got.String(), err)
		}
	}
	if _, err := openEvent("@"+file+".missing", os.Stdin); !isUsage(err) {
		t.Errorf("a file that is not there: %v", err)
	}
}

package slipway_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
)

func TestMerge(t *testing.T) {
	base := slipway.DefaultConfig()
	base.Env = map[string]string{"A": "1", "B": "2"}

	got, err := base.Merge([]byte(`{"memory_mb":512,"timeout":"1m30s","env":{"B":null,"C":"3"},"scaling":{"min":2}}`))
	if err != nil {
		t.Fatal(err)
	}
	if got.MemoryMB != 512 || got.Timeout.D() != 90*time.Second {
		t.Errorf("memory %d, timeout %s", got.MemoryMB, got.Timeout)
	}
	if len(got.Env) != 2 || got.Env["A"] != "1" || got.Env["C"] != "3" {
		t.Errorf("env = %v, want A and C", got.Env)
	}
	if got.Scaling.Min != 2 || got.Scaling.Max != 10 {
		t.Errorf("scaling = %+v, want min 2 and the rest kept", got.Scaling)
	}
	if len(base.Env) != 2 || base.Env["B"] != "2" {
		t.Errorf("the receiver changed: %v", base.Env)
	}
}

func TestMergeRefuses(t *testing.T) {
	tests := []struct{ name, patch, want string }{
		{"an unknown field", `{"memory":1}`, `"memory"`},
		{"two documents", `{} {}`, "one JSON object"},
		{"no JSON", `memory_mb: 5`, "configuration"},
		{"a number as duration", `{"timeout":30}`, `"30s"`},
		{"a duration without unit", `{"timeout":"30"}`, "number with a unit"},
		{"a wrong type", `{"memory_mb":"big"}`, "memory_mb"},
		{"memory over the bound", `{"memory_mb":99999999}`, "memory_mb: 99999999 is not allowed; it must be between 16 and 65536"},
		{"a negative port", `{"port":-1}`, "port: -1"},
		{"min over max", `{"scaling":{"min":11}}`, "scaling.min: 11 is not allowed; it must be between 0 and 10"},
		{"a protocol nobody speaks", `{"protocol":"smtp"}`, "auto, http, lambda, stdio"},
		{"a variable's name", `{"env":{"A=B":"x"}}`, `"A=B"`},
		{"a zero byte", `{"env":{"A":"x\u0000"}}`, "zero byte"},
		{"a zero byte in a tag", `{"tags":{"a":"x\u0000"}}`, "tags: a zero byte"},
		{"an isolation that is a path", `{"isolation":"oci:/bin/sh"}`, "oci:runc"},
		{"too much environment", `{"env":{"A":"` + strings.Repeat("x", 65<<10) + `"}}`, "at most 65536"},
		{"secrets, which nothing resolves yet", `{"secrets":{"A":"b"}}`, "env"},
		{"an empty program", `{"command":[""]}`, "command"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := slipway.DefaultConfig().Merge([]byte(tt.patch))
			if !errors.Is(err, slipway.ErrInvalid) {
				t.Fatalf("err = %v, want ErrInvalid", err)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("message %q does not hold %q", err, tt.want)
			}
		})
	}
}

func TestDefaultConfigIsAllowed(t *testing.T) {
	if err := slipway.DefaultConfig().Check(); err != nil {
		t.Fatal(err)
	}
}

func TestSameVersion(t *testing.T) {
	a, b := slipway.DefaultConfig(), slipway.DefaultConfig()
	b.Scaling.Max, b.Tags = 99, map[string]string{"team": "a"}
	if !a.SameVersion(b) {
		t.Error("scaling and tags make no new version")
	}
	b.Env = map[string]string{"A": "1"}
	if a.SameVersion(b) {
		t.Error("the environment makes a new version")
	}
}

// TestConfigRoundTrip holds what REST shows against what it takes.
func TestConfigRoundTrip(t *testing.T) {
	c := slipway.DefaultConfig()
	c.Env = map[string]string{"A": "1"}
	doc, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	got, err := slipway.DefaultConfig().Merge(doc)
	if err != nil {
		t.Fatal(err)
	}
	if !got.SameVersion(c) || got.Scaling != c.Scaling {
		t.Errorf("%+v came back as %+v", c, got)
	}
}

func FuzzMerge(f *testing.F) {
	f.Add(`{"env":{"A":null},"scaling":{"min":1}}`)
	f.Add(`{"timeout":"1h"}`)
	f.Fuzz(func(t *testing.T, patch string) {
		got, err := slipway.DefaultConfig().Merge([]byte(patch))
		if err == nil && got.Check() != nil {
			t.Errorf("%q was taken and is not allowed", patch)
		}
	})
}

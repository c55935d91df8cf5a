package slipway_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
)

func TestJobRequestCheck(t *testing.T) {
	good := func() slipway.JobRequest {
		return slipway.JobRequest{Name: "words", Queue: "default", Definition: "words:2"}
	}
	dependencies := func(n int) []slipway.JobDependency {
		all := make([]slipway.JobDependency, n)
		for i := range all {
			all[i].Job = "a"
		}
		return all
	}
	for _, c := range []struct {
		say    string // a part of the message; "" is no error
		change func(*slipway.JobRequest)
	}{
		{"", func(*slipway.JobRequest) {}},
		{"", func(r *slipway.JobRequest) { r.Definition = "words" }},
		{"", func(r *slipway.JobRequest) { r.Array = &slipway.ArrayRequest{Size: 1_000_000} }},
		{"", func(r *slipway.JobRequest) { r.DependsOn = dependencies(20) }},
		{"name: \"\" is not allowed", func(r *slipway.JobRequest) { r.Name = "" }},
		{"name: ", func(r *slipway.JobRequest) { r.Name = strings.Repeat("x", 129) }},
		{"queue: ", func(r *slipway.JobRequest) { r.Queue = "a b" }},
		{"number of a revision", func(r *slipway.JobRequest) { r.Definition = "words:0" }},
		{"number of a revision", func(r *slipway.JobRequest) { r.Definition = "words:x" }},
		{"array.size: 1 is not allowed; it must be between 2 and 1000000", func(r *slipway.JobRequest) { r.Array = &slipway.ArrayRequest{Size: 1} }},
		{"array.size: 1000001", func(r *slipway.JobRequest) { r.Array = &slipway.ArrayRequest{Size: 1_000_001} }},
		{"depends_on: 21 jobs", func(r *slipway.JobRequest) { r.DependsOn = dependencies(21) }},
		{"depends_on[0].on", func(r *slipway.JobRequest) {
			r.DependsOn = []slipway.JobDependency{{Job: "a", On: "never"}}
		}},
		{"depends_on[0].type: N_TO_N is for array jobs", func(r *slipway.JobRequest) {
			r.DependsOn = []slipway.JobDependency{{Job: "a", Type: slipway.DependsNToN}}
		}},
		{"depends_on[0].job", func(r *slipway.JobRequest) { r.DependsOn = []slipway.JobDependency{{}} }},
		{"depends_on[0].job", func(r *slipway.JobRequest) {
			r.Array = &slipway.ArrayRequest{Size: 2}
			r.DependsOn = []slipway.JobDependency{{Job: "a", Type: slipway.DependsSequential}}
		}},
		{"input: ", func(r *slipway.JobRequest) { r.Input = "sha256:zz" }},
		{"input_from[0].job: \"b\" is not one of depends_on", func(r *slipway.JobRequest) {
			r.DependsOn, r.InputFrom = dependencies(1), []slipway.JobInput{{Job: "b"}}
		}},
		{"input_from[0].name", func(r *slipway.JobRequest) {
			r.DependsOn, r.InputFrom = dependencies(1), []slipway.JobInput{{Job: "a", Name: "../x"}}
		}},
		{"timeout: 1ms is not allowed", func(r *slipway.JobRequest) { r.Timeout = slipway.Duration(time.Millisecond) }},
		{"priority: 10000", func(r *slipway.JobRequest) { r.Priority = 10000 }},
		{"overrides.command: the first word", func(r *slipway.JobRequest) { r.Overrides = &slipway.JobOverrides{Command: []string{""}} }},
		{"overrides.command: a zero byte", func(r *slipway.JobRequest) { r.Overrides = &slipway.JobOverrides{Command: []string{"a\x00"}} }},
		{"overrides.arguments: 65537 bytes", func(r *slipway.JobRequest) {
			r.Overrides = &slipway.JobOverrides{Arguments: []string{strings.Repeat("x", 64<<10)}}
		}},
		{"overrides.env: \"AWS_BATCH_JOB_ID\"", func(r *slipway.JobRequest) {
			r.Overrides = &slipway.JobOverrides{Env: map[string]string{"AWS_BATCH_JOB_ID": "1"}}
		}},
		{"overrides.memory_mb: 8", func(r *slipway.JobRequest) { r.Overrides = &slipway.JobOverrides{MemoryMB: 8} }},
		{"retry.attempts: 11", func(r *slipway.JobRequest) { r.Retry = &slipway.RetryStrategy{Attempts: 11} }},
		{"on_exit_code", func(r *slipway.JobRequest) {
			r.Retry = &slipway.RetryStrategy{Attempts: 2, EvaluateOnExit: []slipway.ExitRule{{OnExitCode: "x", Action: "EXIT"}}}
		}},
		{"a * can only be the last", func(r *slipway.JobRequest) {
			r.Retry = &slipway.RetryStrategy{Attempts: 2, EvaluateOnExit: []slipway.ExitRule{{OnReason: "a*b", Action: "EXIT"}}}
		}},
	} {
		r := good()
		c.change(&r)
		wantInvalid(t, r.Check(), c.say)
	}
}

func TestQueueChecks(t *testing.T) {
	q := slipway.DefaultQueueOf("default", "night")
	wantInvalid(t, q.Check(), "")
	q.ComputeEnvironments = []string{"a", "b", "a"}
	wantInvalid(t, q.Check(), `"a" is named twice`)
	q.ComputeEnvironments = nil
	wantInvalid(t, q.Check(), "compute_environments: 0 are not allowed")

	q = slipway.DefaultQueueOf("default", "night")
	q.Policy = slipway.QueuePolicy{Type: "fair", Shares: map[string]float64{"a": 1000}}
	wantInvalid(t, q.Check(), "policy.shares.a: 1000 is not allowed")

	e := slipway.DefaultEnvironmentOf("default", "big")
	wantInvalid(t, e.Check(), "")
	e.Type = "managed"
	wantInvalid(t, e.Check(), "max_vcpus")
	e.MaxVCPUs, e.MinVCPUs = 2, 3
	wantInvalid(t, e.Check(), "min_vcpus: 3 is not allowed; it must be between 0 and 2")

	d := slipway.DefaultJobDefinition()
	d.Name = "words"
	wantInvalid(t, d.Check(), "image: one is needed")
	d.Image = "hello"
	wantInvalid(t, d.Check(), "")
	d.MemoryMB = 8
	wantInvalid(t, d.Check(), "memory_mb: 8 is not allowed; it must be between 16 and 65536")
}

func TestSplitJobID(t *testing.T) {
	for _, c := range []struct {
		id, parent string
		index      int
		bad        bool
	}{
		{"x", "x", -1, false}, {"x:0", "x", 0, false}, {"x:999999", "x", 999999, false},
		{"x:", "", 0, true}, {"x:01", "", 0, true}, {"x:-1", "", 0, true}, {"x:1000000", "", 0, true}, {"x:1:2", "", 0, true},
	} {
		parent, index, err := slipway.SplitJobID(c.id)
		if c.bad != (err != nil) || (!c.bad && (parent != c.parent || index != c.index)) {
			t.Errorf("%q: %q %d %v", c.id, parent, index, err)
		}
		if !c.bad && index >= 0 && slipway.ChildID(parent, index) != c.id {
			t.Errorf("%q is made as %q", c.id, slipway.ChildID(parent, index))
		}
	}
}

// wantInvalid checks that err is ErrInvalid and says something; nothing is no error.
func wantInvalid(t *testing.T, err error, say string) {
	t.Helper()
	switch {
	case say == "" && err != nil:
		t.Errorf("unexpected: %v", err)
	case say != "" && (!errors.Is(err, slipway.ErrInvalid) || !strings.Contains(err.Error(), say)):
		t.Errorf("got %v, want %q", err, say)
	}
}

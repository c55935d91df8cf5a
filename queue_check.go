package slipway

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// DefaultQueueOf is a queue about which nothing was said.
func DefaultQueueOf(tenant, name string) Queue {
	return Queue{Tenant: tenant, Name: name, ComputeEnvironments: []string{DefaultEnvironment},
		State: Enabled, Policy: QueuePolicy{Type: "fifo"}, Preemption: PreemptFreeze}
}

// DefaultEnvironmentOf is a compute environment about which nothing was said: all that
// the invokers have.
func DefaultEnvironmentOf(tenant, name string) ComputeEnvironment {
	return ComputeEnvironment{Tenant: tenant, Name: name, Type: "unmanaged", State: Enabled}
}

// Check says whether every field is within its bounds; the error is ErrInvalid and names
// the field, the value and the bound. What the image names may still not exist.
func (d JobDefinition) Check() error {
	return cmp.Or(
		CheckJobName("name", d.Name),
		checkImageName(d.Image),
		checkWords("command", d.Command),
		checkArguments("arguments", d.Arguments),
		within("cpu", d.CPU, 0.05, 64),
		within("memory_mb", d.MemoryMB, 16, 65536),
		within("ephemeral_mb", d.EphemeralMB, 16, 10240),
		within("output_mb", d.OutputMB, 0, 10240),
		within("pids", d.PIDs, 4, 32768),
		checkJobEnv("env", d.Env),
		checkJobTimeout(d.Timeout),
		d.Retry.check(),
		checkParameters(d.Parameters),
		oneOf("network", d.Network, NetworkEgress, NetworkNone),
		checkIsolation(d.Isolation),
		checkTags(d.Tags),
	)
}

func checkImageName(v string) error {
	if v == "" {
		return Errorf(ErrInvalid, "image: one is needed: a function, as in hello, hello:3 or hello:live, or a reference with a digest")
	}
	if len(v) > 512 {
		return Errorf(ErrInvalid, "image: it has %d characters; at most 512 are allowed", len(v))
	}
	return checkNoNUL("image", v)
}

func (r RetryStrategy) check() error {
	if err := within("retry.attempts", r.Attempts, 1, MaxAttempts); err != nil {
		return err
	}
	if len(r.EvaluateOnExit) > MaxExitRules {
		return Errorf(ErrInvalid, "retry.evaluate_on_exit: %d rules are not allowed; %d at most", len(r.EvaluateOnExit), MaxExitRules)
	}
	for i, rule := range r.EvaluateOnExit {
		if err := rule.check(fmt.Sprintf("retry.evaluate_on_exit[%d]", i)); err != nil {
			return err
		}
	}
	return nil
}

var exitCodeRE = regexp.MustCompile(`^([0-9]{1,3}\*?|\*)$`)

func (r ExitRule) check(field string) error {
	if r.OnExitCode == "" && r.OnReason == "" && r.OnStatusReason == "" {
		return Errorf(ErrInvalid, "%s: one of on_exit_code, on_reason and on_status_reason is needed", field)
	}
	if r.OnExitCode != "" && !exitCodeRE.MatchString(r.OnExitCode) {
		return Errorf(ErrInvalid, "%s.on_exit_code: %q is not allowed; it is digits, and may end with *", field, r.OnExitCode)
	}
	if err := cmp.Or(checkPattern(field+".on_reason", r.OnReason), checkPattern(field+".on_status_reason", r.OnStatusReason)); err != nil {
		return err
	}
	switch r.Action {
	case ActionRetry:
	case ActionExit:
		if r.MemoryMB != 0 || r.MemoryFactor != 0 {
			return Errorf(ErrInvalid, "%s: memory_mb and memory_factor are for the action RETRY", field)
		}
	default:
		return Errorf(ErrInvalid, "%s.action: %q is not allowed; it must be RETRY or EXIT", field, r.Action)
	}
	if r.MemoryMB != 0 && r.MemoryFactor != 0 {
		return Errorf(ErrInvalid, "%s: memory_mb and memory_factor are not allowed together", field)
	}
	if r.MemoryMB != 0 {
		return within(field+".memory_mb", r.MemoryMB, 16, 65536)
	}
	if r.MemoryFactor != 0 {
		return within(field+".memory_factor", r.MemoryFactor, 1, 10)
	}
	return nil
}

// checkPattern takes text whose only * is its last character.
func checkPattern(field, v string) error {
	if len(v) > 512 {
		return Errorf(ErrInvalid, "%s: it has %d characters; at most 512 are allowed", field, len(v))
	}
	if strings.Contains(strings.TrimSuffix(v, "*"), "*") {
		return Errorf(ErrInvalid, "%s: %q is not allowed; a * can only be the last character", field, v)
	}
	return checkNoNUL(field, v)
}

// Check says whether every field is within its bounds; the error is ErrInvalid and names
// the field, the value and the bound. The environments may still not exist.
func (q Queue) Check() error {
	return cmp.Or(
		CheckJobName("queue", q.Name),
		within("priority", q.Priority, -1_000_000, 1_000_000),
		q.checkEnvironments(),
		oneOf("state", q.State, Enabled, Disabled),
		q.Policy.check(),
		within("max_running", q.MaxRunning, 0, MaxArray),
		q.checkKeyLimits(),
		q.checkStateLimits(),
		oneOf("preemption", q.Preemption, PreemptFreeze, PreemptRequeue, PreemptNever),
	)
}

func (q Queue) checkEnvironments() error {
	if n := len(q.ComputeEnvironments); n < 1 || n > 3 {
		return Errorf(ErrInvalid, "compute_environments: %d are not allowed; a queue has 1 to 3", n)
	}
	for i, name := range q.ComputeEnvironments {
		if err := CheckJobName("compute_environments", name); err != nil {
			return err
		}
		if slices.Contains(q.ComputeEnvironments[:i], name) {
			return Errorf(ErrInvalid, "compute_environments: %q is named twice", name)
		}
	}
	return nil
}

func (p QueuePolicy) check() error {
	if p.Type != "fifo" && p.Type != "fair" {
		return Errorf(ErrInvalid, "policy.type: %q is not allowed; it must be fifo or fair", p.Type)
	}
	if len(p.Shares) > 500 {
		return Errorf(ErrInvalid, "policy.shares: %d are not allowed; 500 at most", len(p.Shares))
	}
	for name, weight := range p.Shares {
		if err := cmp.Or(checkWord("policy.shares", name), within("policy.shares."+name, weight, 0.0001, 999.9999)); err != nil {
			return err
		}
	}
	return cmp.Or(
		within("policy.decay", p.Decay, 0, Duration(168*time.Hour)),
		within("policy.reservation", p.Reservation, 0, 99),
	)
}

func (q Queue) checkKeyLimits() error {
	if len(q.KeyLimits) > 1000 {
		return Errorf(ErrInvalid, "key_limits: %d are not allowed; 1000 at most", len(q.KeyLimits))
	}
	for key, n := range q.KeyLimits {
		if err := cmp.Or(checkWord("key_limits", key), within("key_limits."+key, n, 1, MaxArray)); err != nil {
			return err
		}
	}
	return nil
}

func (q Queue) checkStateLimits() error {
	if len(q.StateLimits) > 10 {
		return Errorf(ErrInvalid, "state_limits: %d are not allowed; 10 at most", len(q.StateLimits))
	}
	for i, l := range q.StateLimits {
		field := fmt.Sprintf("state_limits[%d]", i)
		if !slices.Contains([]string{"", "memory", "cpu", "environment"}, l.Reason) {
			return Errorf(ErrInvalid, "%s.reason: %q is not allowed; it must be memory, cpu, environment or left out", field, l.Reason)
		}
		if err := within(field+".after", l.After, Duration(10*time.Minute), Duration(24*time.Hour)); err != nil {
			return err
		}
	}
	return nil
}

// Check says whether every field is within its bounds; the error is ErrInvalid and names
// the field, the value and the bound.
func (e ComputeEnvironment) Check() error {
	if e.Type != "managed" && e.Type != "unmanaged" {
		return Errorf(ErrInvalid, "type: %q is not allowed; it must be managed or unmanaged", e.Type)
	}
	if e.Type == "managed" && e.MaxVCPUs == 0 {
		return Errorf(ErrInvalid, "max_vcpus: a managed environment needs one, from 0.05 to 100000")
	}
	for _, pattern := range e.Invokers {
		if err := cmp.Or(checkWord("invokers", pattern), checkPattern("invokers", pattern)); err != nil {
			return err
		}
	}
	return cmp.Or(
		CheckJobName("compute environment", e.Name),
		within("max_vcpus", e.MaxVCPUs, 0, 100_000),
		e.checkMin(),
		oneOf("state", e.State, Enabled, Disabled),
	)
}

func (e ComputeEnvironment) checkMin() error {
	if e.MaxVCPUs == 0 {
		return within("min_vcpus", e.MinVCPUs, 0, 100_000)
	}
	return within("min_vcpus", e.MinVCPUs, 0, e.MaxVCPUs)
}

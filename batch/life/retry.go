package life

import (
	"math"
	"strconv"
	"strings"

	"github.com/slipway-run/slipway"
)

// maxLosses is how often in a row the platform may lose an attempt of the same child.
const maxLosses = 10

// maxMemoryMB is what a definition may ask for; more is not given after an OOM either.
const maxMemoryMB = 65536

// Verdict is what follows a failed attempt.
type Verdict struct {
	Retry    bool
	MemoryMB int // of the next attempt
}

// Judge says whether a failed attempt is tried again: exitCode, reason and statusReason
// are of the attempt, tries is how many have counted, this one included, and memoryMB is
// what it was allowed.
func Judge(s slipway.RetryStrategy, exitCode *int, reason, statusReason string, tries, memoryMB int) Verdict {
	if strings.HasPrefix(reason, slipway.ReasonTerminated) || strings.HasPrefix(reason, slipway.ReasonTimeout) || tries >= s.Attempts {
		return Verdict{}
	}
	for _, rule := range s.EvaluateOnExit {
		if matches(rule, exitCode, reason, statusReason) {
			return Verdict{Retry: rule.Action == slipway.ActionRetry, MemoryMB: nextMemory(rule, memoryMB)}
		}
	}
	return Verdict{Retry: true, MemoryMB: memoryMB}
}

// exits says whether a rule ends a job whose attempt the platform lost.
func exits(s slipway.RetryStrategy, statusReason string) bool {
	for _, rule := range s.EvaluateOnExit {
		if matches(rule, nil, statusReason, statusReason) {
			return rule.Action == slipway.ActionExit
		}
	}
	return false
}

// matches says whether all patterns of a rule that are set match.
func matches(r slipway.ExitRule, exitCode *int, reason, statusReason string) bool {
	if r.OnExitCode != "" && (exitCode == nil || !like(r.OnExitCode, strconv.Itoa(*exitCode))) {
		return false
	}
	return (r.OnReason == "" || like(r.OnReason, reason)) && (r.OnStatusReason == "" || like(r.OnStatusReason, statusReason))
}

// like says whether text is what pattern says, in which a trailing * is any rest.
func like(pattern, text string) bool {
	if prefix, any := strings.CutSuffix(pattern, "*"); any {
		return strings.HasPrefix(text, prefix)
	}
	return pattern == text
}

func nextMemory(r slipway.ExitRule, memoryMB int) int {
	switch {
	case r.MemoryMB > 0:
		return r.MemoryMB
	case r.MemoryFactor > 0:
		return min(maxMemoryMB, int(math.Ceil(float64(memoryMB)*r.MemoryFactor)))
	}
	return memoryMB
}

// satisfied says whether a job that ended so is what a dependency waits for.
func satisfied(on slipway.Condition, succeeded bool) bool {
	switch on {
	case slipway.OnAny:
		return true
	case slipway.OnFailure:
		return !succeeded
	}
	return succeeded
}

// unmet says why a dependant fails.
func unmet(id string, succeeded bool) string {
	if succeeded {
		return "Dependency: job " + id + " succeeded, and this one was to run if it failed"
	}
	return "Dependency: job " + id + " failed"
}

package gateway

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/gateway/canary"
)

// trial names what is counted: a version, on behalf of an alias as it stands.
type trial struct {
	version  slipway.VersionRef
	alias    string
	revision int64
	shared   bool // other gateways are told
}

// tallies count the outcomes of the versions that are watched, and of no others. To
// count takes no lock and allocates nothing, unless something went wrong.
type tallies struct {
	now atomic.Pointer[map[slipway.VersionRef][]*tally]
}

// tally is what this gateway has seen of one version.
type tally struct {
	trial
	events, errors atomic.Int64
	fallen         atomic.Int64 // instances in a row that ended with their event
	latency        [canary.Classes]atomic.Int64

	last atomic.Pointer[string] // error
	fell atomic.Pointer[string] // instance that did; the other events it took along are no more of them
}

// watch counts for all, going on where they were counted before, and for nothing else.
func (t *tallies) watch(all []trial) {
	if len(all) == 0 {
		t.now.Store(nil)
		return
	}
	next := make(map[slipway.VersionRef][]*tally, len(all))
	for _, one := range all {
		counted := t.find(one)
		if counted == nil {
			counted = &tally{trial: one}
		}
		next[one.version] = append(next[one.version], counted)
	}
	t.now.Store(&next)
}

// find is the tally of a trial, or nil.
func (t *tallies) find(one trial) *tally {
	now := t.now.Load()
	if now == nil {
		return nil
	}
	for _, counted := range (*now)[one.version] {
		if counted.trial == one {
			return counted
		}
	}
	return nil
}

// reports are the tallies of which other gateways are told.
func (t *tallies) reports() []slipway.Tally {
	now := t.now.Load()
	if now == nil {
		return nil
	}
	var all []slipway.Tally
	for _, counted := range *now {
		for _, one := range counted {
			if one.shared {
				all = append(all, one.report())
			}
		}
	}
	return all
}

// count takes the outcome of an event of a version. What the platform could not do is
// none: it says nothing about the version.
func (t *tallies) count(version slipway.VersionRef, resp *slipway.Response) {
	now := t.now.Load()
	if now == nil {
		return
	}
	for _, counted := range (*now)[version] {
		counted.count(resp)
	}
}

func (t *tally) count(resp *slipway.Response) {
	t.events.Add(1)
	if !t.fall(resp) && t.fallen.Load() != 0 {
		t.fallen.Store(0)
	}
	if resp.FunctionError == nil && resp.Status < http.StatusInternalServerError {
		if !resp.ColdStart { // what is slow the first time is more often so where instances are new
			t.latency[canary.Class(resp.Phases.Run)].Add(1)
		}
		return
	}
	t.errors.Add(1)
	text := errorText(resp)
	t.last.Store(&text)
}

// fall says whether the instance ended with the event, or never began.
func (t *tally) fall(resp *slipway.Response) bool {
	if !isFall(resp) {
		return false
	}
	if before := t.fell.Load(); resp.Instance == "" || before == nil || *before != resp.Instance {
		id := resp.Instance
		t.fell.Store(&id)
		t.fallen.Add(1)
	}
	return true
}

func isFall(resp *slipway.Response) bool {
	fe := resp.FunctionError
	return fe != nil && (resp.Instance == "" || fe.Type == slipway.ErrorTypeExit || fe.Type == slipway.ErrorTypeOutOfMemory)
}

// maxErrorText bounds, in bytes, what is kept of the last thing that went wrong.
const maxErrorText = 1 << 10

// errorText says what went wrong, and what the instance printed last.
func errorText(resp *slipway.Response) string {
	fe := resp.FunctionError
	if fe == nil {
		return fmt.Sprintf("answered with %d %s", resp.Status, http.StatusText(resp.Status))
	}
	text := fe.Error()
	if tail := strings.TrimSpace(resp.LogTail); tail != "" {
		text += "; it printed: " + tail[max(0, len(tail)-maxErrorText):]
	}
	return text[:min(len(text), 2*maxErrorText)]
}

// counts is what was counted until now.
func (t *tally) counts() canary.Counts {
	c := canary.Counts{Events: t.events.Load(), Errors: t.errors.Load()}
	for class := range c.Latency {
		c.Latency[class] = t.latency[class].Load()
	}
	return c
}

// lastError is "" when there was none.
func (t *tally) lastError() string {
	if last := t.last.Load(); last != nil {
		return *last
	}
	return ""
}

// report is t for the other gateways.
func (t *tally) report() slipway.Tally {
	c := t.counts()
	used := len(c.Latency)
	for used > 0 && c.Latency[used-1] == 0 {
		used--
	}
	return slipway.Tally{VersionRef: t.version, Alias: t.alias, Revision: t.revision,
		Events: c.Events, Errors: c.Errors, Latency: c.Latency[:used], Last: t.lastError()}
}

// reported is what another gateway counted.
func reported(t slipway.Tally) canary.Counts {
	c := canary.Counts{Events: t.Events, Errors: t.Errors}
	copy(c.Latency[:], t.Latency)
	return c
}

package batch_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/testenv"
)

// script runs attempts as named jobs say: "fail" exits 1, "oom" needs 100 MiB.
func script(a attempt) outcome {
	switch {
	case a.Name == "fail":
		return outcome{exit: 1}
	case a.Name == "oom" && a.MemoryMB < 100:
		return outcome{exit: 137, reason: slipway.ReasonOutOfMemory + "the limit was reached"}
	case a.Name == "slow":
		return outcome{exit: 137, reason: slipway.ReasonTimeout + "job attempt exceeded its timeout of 1s"}
	}
	return outcome{}
}

func TestDependencies(t *testing.T) {
	w := newWorld(t)
	e, _ := w.engine(quick)
	startRunner(t, w.bus, "i-1", 4, 4096, script)
	good, bad := submit(t, e), submit(t, e, named("fail"))
	type want struct {
		on     slipway.Condition
		status [2]slipway.JobStatus // after good, after bad
	}
	for _, c := range []want{
		{"", [2]slipway.JobStatus{slipway.JobSucceeded, slipway.JobFailed}},
		{slipway.OnFailure, [2]slipway.JobStatus{slipway.JobFailed, slipway.JobSucceeded}},
		{slipway.OnAny, [2]slipway.JobStatus{slipway.JobSucceeded, slipway.JobSucceeded}},
	} {
		a, b := submit(t, e, after(good.ID, "", c.on)), submit(t, e, after(bad.ID, "", c.on))
		late := submit(t, e, after(a.ID, "", slipway.OnAny), after(b.ID, "", slipway.OnAny))
		w.ends(late.ID, slipway.JobSucceeded)
		j := w.ends(a.ID, c.status[0])
		if j.Status == slipway.JobFailed && j.StatusReason != "Dependency: job "+good.ID+" succeeded, and this one was to run if it failed" {
			t.Errorf("reason %q", j.StatusReason)
		}
		w.ends(b.ID, c.status[1])
		// and once it has ended already
		w.ends(submit(t, e, after(good.ID, "", c.on)).ID, c.status[0])
		w.ends(submit(t, e, after(bad.ID, "", c.on)).ID, c.status[1])
	}
	_, err := e.Submit(t.Context(), tenant, []slipway.JobRequest{{Name: "j", Definition: "d", DependsOn: []slipway.JobDependency{{Job: "missing"}}}})
	wantKind(t, err, slipway.ErrInvalid)
}

// A chain is never overtaken, and the failure in its middle ends what follows.
func TestChains(t *testing.T) {
	w := newWorld(t)
	e, _ := w.engine(quick)
	r := startRunner(t, w.bus, "i-1", 4, 4096, script)
	first := submit(t, e)
	last := first
	var ids []string
	for i := range 20 {
		edits := []func(*slipway.JobRequest){after(last.ID, "", "")}
		if i == 10 {
			edits = append(edits, named("fail"))
		}
		last = submit(t, e, edits...)
		ids = append(ids, last.ID)
	}
	w.ends(last.ID, slipway.JobFailed)
	if ran := r.order()[1:]; !slices.Equal(ran, ids[:11]) {
		t.Errorf("ran %v of %v", ran, ids)
	}
}

func TestSequentialChildren(t *testing.T) {
	w := newWorld(t)
	e, _ := w.engine(quick)
	var mu sync.Mutex
	var running, most int
	r := startRunner(t, w.bus, "i-1", 4, 4096, func(a attempt) outcome {
		mu.Lock()
		running++
		most = max(most, running)
		mu.Unlock()
		defer func() { mu.Lock(); running--; mu.Unlock() }()
		if a.Name == "breaks" && a.Index == 5 || a.Attempt == 1 && a.Index == 3 {
			return outcome{exit: 1}
		}
		return outcome{}
	})
	j := submit(t, e, array(10), after("", slipway.DependsSequential, ""), retries(2))
	w.ends(j.ID, slipway.JobSucceeded)
	if most != 1 || len(r.order()) != 11 {
		t.Errorf("%d ran at once, in the order %v", most, r.order())
	}
	j = submit(t, e, named("breaks"), array(10), after("", slipway.DependsSequential, ""), retries(2))
	j = w.ends(j.ID, slipway.JobFailed)
	if j.Array.Counts[slipway.JobSucceeded] != 5 || j.Array.Counts[slipway.JobFailed] != 5 {
		t.Errorf("counts %v", j.Array.Counts)
	}
	child := w.ends(slipway.ChildID(j.ID, 8), slipway.JobFailed)
	if child.StatusReason != "Dependency: child 5 failed" || len(child.Attempts) != 0 {
		t.Errorf("child 8 is %+v", child)
	}
}

func TestNToN(t *testing.T) {
	w := newWorld(t)
	e, _ := w.engine(quick)
	release := make(chan struct{})
	var mu sync.Mutex
	ended := map[string]bool{}
	startRunner(t, w.bus, "i-1", 4, 4096, func(a attempt) outcome {
		mu.Lock()
		if a.Name == "b" && !ended[fmt.Sprint("a", a.Index)] {
			t.Errorf("child %d of b came before that of a", a.Index)
		}
		mu.Unlock()
		if a.Name == "a" && a.Index == 0 {
			<-release
		}
		mu.Lock()
		defer mu.Unlock()
		ended[fmt.Sprint(a.Name, a.Index)] = true
		if a.Name == "a" && a.Index == 4 {
			return outcome{exit: 1}
		}
		return outcome{}
	})
	a := submit(t, e, named("a"), array(20))
	b := submit(t, e, named("b"), array(20), after(a.ID, slipway.DependsNToN, ""))
	_, err := e.Submit(t.Context(), tenant, []slipway.JobRequest{{Name: "j", Definition: "d", Array: &slipway.ArrayRequest{Size: 19},
		DependsOn: []slipway.JobDependency{{Job: a.ID, Type: slipway.DependsNToN}}}})
	wantKind(t, err, slipway.ErrInvalid)
	testenv.Eventually(t, 30*time.Second, func() error {
		j, err := w.store.Job(t.Context(), tenant, b.ID)
		if err == nil && (j.Array.Counts[slipway.JobSucceeded] != 18 || j.Array.Counts[slipway.JobFailed] != 1) {
			err = fmt.Errorf("children of b: %v", j.Array.Counts)
		}
		return err
	})
	x, err := e.Explain(t.Context(), tenant, slipway.ChildID(b.ID, 0))
	must(t, err)
	if x.Status != slipway.JobPending || len(x.Blocks) != 1 || x.Blocks[0].Kind != "dependency" {
		t.Errorf("child 0 of b: %+v", x)
	}
	close(release)
	w.ends(b.ID, slipway.JobFailed)
	w.ends(slipway.ChildID(b.ID, 0), slipway.JobSucceeded)
	later := submit(t, e, named("b"), array(20), after(a.ID, slipway.DependsNToN, slipway.OnAny))
	w.ends(later.ID, slipway.JobSucceeded)
}

func TestAJobAfterOneChild(t *testing.T) {
	w := newWorld(t)
	e, _ := w.engine(quick)
	release := make(chan struct{})
	startRunner(t, w.bus, "i-1", 4, 4096, func(a attempt) outcome {
		if a.Array > 0 && a.Index == 3 {
			<-release
		}
		return outcome{}
	})
	a := submit(t, e, array(5))
	w.ends(submit(t, e, after(slipway.ChildID(a.ID, 1), "", "")).ID, slipway.JobSucceeded)
	waits := submit(t, e, after(slipway.ChildID(a.ID, 3), "", ""))
	if j := w.becomes(waits.ID, slipway.JobPending); j.StartedAt != nil {
		t.Errorf("it began: %+v", j)
	}
	close(release)
	w.ends(waits.ID, slipway.JobSucceeded)
}

func TestRetries(t *testing.T) {
	w := newWorld(t)
	e, _ := w.engine(quick)
	startRunner(t, w.bus, "i-1", 4, 4096, script)
	for _, c := range []struct {
		name     string
		rules    []slipway.ExitRule
		status   slipway.JobStatus
		attempts int
		memory   int // of the last
	}{
		{"fail", nil, slipway.JobFailed, 3, 64},
		{"fail", []slipway.ExitRule{{OnExitCode: "1", Action: slipway.ActionExit}}, slipway.JobFailed, 1, 64},
		{"fail", []slipway.ExitRule{{OnExitCode: "2*", Action: slipway.ActionExit}}, slipway.JobFailed, 3, 64},
		{"fail", []slipway.ExitRule{{OnReason: "Error: *", OnExitCode: "*", Action: slipway.ActionExit}}, slipway.JobFailed, 1, 64},
		{"oom", []slipway.ExitRule{{OnReason: "OutOfMemory*", Action: slipway.ActionRetry, MemoryFactor: 2}}, slipway.JobSucceeded, 2, 128},
		{"oom", []slipway.ExitRule{{OnReason: "OutOfMemory*", Action: slipway.ActionRetry, MemoryMB: 512}}, slipway.JobSucceeded, 2, 512},
		{"slow", nil, slipway.JobFailed, 1, 64},
	} {
		j := w.ends(submit(t, e, named(c.name), retries(3, c.rules...)).ID, c.status)
		if n := len(j.Attempts); n != c.attempts || j.Attempts[n-1].MemoryMB != c.memory || j.Attempts[n-1].Attempt != n {
			t.Errorf("%s with %+v had the attempts %+v", c.name, c.rules, j.Attempts)
		}
	}
	j := w.ends(submit(t, e, named("oom"), array(50), retries(2, slipway.ExitRule{OnReason: "OutOfMemory*", Action: slipway.ActionRetry, MemoryFactor: 1.6})).ID, slipway.JobSucceeded)
	if child := w.ends(slipway.ChildID(j.ID, 49), slipway.JobSucceeded); len(child.Attempts) != 2 || child.Attempts[1].MemoryMB != 103 {
		t.Errorf("child 49 is %+v", child)
	}
}

func TestWhatTheInvokerDidNotRunRunsAgain(t *testing.T) {
	w := newWorld(t)
	e, _ := w.engine(quick)
	events := []slipway.AttemptEvent{slipway.AttemptReturned, slipway.AttemptUnstarted, slipway.AttemptRefused}
	startRunner(t, w.bus, "i-1", 4, 4096, func(a attempt) outcome {
		if a.Attempt <= len(events) {
			return outcome{event: events[a.Attempt-1]}
		}
		return outcome{exit: 1}
	})
	j := w.ends(submit(t, e, retries(2)).ID, slipway.JobFailed)
	if len(j.Attempts) != 5 { // three that do not count, and two that do
		t.Fatalf("attempts %+v", j.Attempts)
	}
	for i, a := range j.Attempts {
		if a.Lost != (i < 3) || a.Reason == "" {
			t.Errorf("attempt %d is %+v", i+1, a)
		}
	}
}

func TestCancel(t *testing.T) {
	w := newWorld(t)
	w.queue("slow", func(q *slipway.Queue) { q.MaxRunning = 2 })
	e, _ := w.engine(quick)
	release := make(chan struct{})
	startRunner(t, w.bus, "i-1", 4, 4096, func(a attempt) outcome { <-release; return outcome{} })
	slow := func(r *slipway.JobRequest) { r.Queue = "slow" }
	running := submit(t, e, slow)
	w.becomes(running.ID, slipway.JobRunning)
	big := submit(t, e, slow, array(1_000_000))
	w.becomes(slipway.ChildID(big.ID, 0), slipway.JobRunning)
	waits := submit(t, e, slow)
	w.becomes(waits.ID, slipway.JobRunnable)
	wantKind(t, e.Cancel(t.Context(), tenant, running.ID, ""), slipway.ErrConflict)
	wantKind(t, e.Cancel(t.Context(), tenant, slipway.ChildID(big.ID, 0), ""), slipway.ErrConflict)
	wantKind(t, e.Cancel(t.Context(), "other", waits.ID, ""), slipway.ErrNotFound)
	must(t, e.Cancel(t.Context(), tenant, waits.ID, "not needed"))
	if j := w.ends(waits.ID, slipway.JobFailed); j.StatusReason != "Cancelled: not needed" {
		t.Errorf("reason %q", j.StatusReason)
	}
	must(t, e.Cancel(t.Context(), tenant, slipway.ChildID(big.ID, 500), "this one"))
	must(t, e.Cancel(t.Context(), tenant, slipway.ChildID(big.ID, 500), "twice"))
	if c := w.ends(slipway.ChildID(big.ID, 500), slipway.JobFailed); c.StatusReason != "Cancelled: this one" {
		t.Errorf("child 500 is %+v", c)
	}
	must(t, e.Cancel(t.Context(), tenant, big.ID, "all"))
	j, err := w.store.Job(t.Context(), tenant, big.ID)
	must(t, err)
	if j.Status.Ended() || j.Array.Counts[slipway.JobFailed] != 999_999 {
		t.Errorf("the array is %s with %v", j.Status, j.Array.Counts)
	}
	close(release)
	w.ends(running.ID, slipway.JobSucceeded)
	j = w.ends(big.ID, slipway.JobFailed)
	if j.Array.Counts[slipway.JobSucceeded] != 1 || j.StatusReason != "Cancelled: all; 999999 of 1000000 children failed" {
		t.Errorf("the array is %+v, %v", j, j.Array.Counts)
	}
	must(t, e.Cancel(t.Context(), tenant, big.ID, "again"))
}

func TestTerminate(t *testing.T) {
	w := newWorld(t)
	e, _ := w.engine(quick)
	startRunner(t, w.bus, "i-1", 1, 4096, func(a attempt) outcome {
		return outcome{exit: 143, reason: <-a.stop}
	})
	array1, single := submit(t, e, array(100), retries(3)), submit(t, e, retries(3))
	w.becomes(slipway.ChildID(array1.ID, 2), slipway.JobRunning)
	must(t, e.Terminate(t.Context(), tenant, slipway.ChildID(array1.ID, 1), "one"))
	if c := w.ends(slipway.ChildID(array1.ID, 1), slipway.JobFailed); c.StatusReason != "Terminated: one" || len(c.Attempts) != 1 {
		t.Errorf("child 1 is %+v", c)
	}
	must(t, e.Terminate(t.Context(), tenant, array1.ID, "all"))
	j := w.ends(array1.ID, slipway.JobFailed)
	if j.Array.Counts[slipway.JobFailed] != 100 {
		t.Errorf("the array is %+v", j.Array)
	}
	if c := w.ends(slipway.ChildID(array1.ID, 99), slipway.JobFailed); c.StatusReason != "Terminated: all" || len(c.Attempts) != 0 {
		t.Errorf("child 99 is %+v", c)
	}
	w.becomes(single.ID, slipway.JobRunning)
	must(t, e.Terminate(t.Context(), tenant, single.ID, "enough"))
	if j := w.ends(single.ID, slipway.JobFailed); j.StatusReason != "Terminated: enough" || len(j.Attempts) != 1 {
		t.Errorf("the job is %+v", j)
	}
}

package batch_test

import (
	"testing"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/testenv"
)

// What the scheduler writes is the same with PostgreSQL.
func TestOnPostgres(t *testing.T) {
	w := worldOn(t, testenv.Postgres(t), t.TempDir())
	e, _ := w.engine(quick)
	startRunner(t, w.bus, "i-1", 4, 4096, script)
	a := submit(t, e, array(300))
	b := submit(t, e, array(300), after(a.ID, slipway.DependsNToN, ""))
	oom := submit(t, e, named("oom"), retries(2, slipway.ExitRule{OnReason: "OutOfMemory*", Action: slipway.ActionRetry, MemoryMB: 128}))
	fail := submit(t, e, named("fail"), array(20), retries(2))
	last := submit(t, e, after(fail.ID, "", slipway.OnFailure), after(b.ID, "", ""))
	w.ends(last.ID, slipway.JobSucceeded)
	w.ends(oom.ID, slipway.JobSucceeded)
	if child := w.ends(slipway.ChildID(fail.ID, 19), slipway.JobFailed); len(child.Attempts) != 2 {
		t.Errorf("child 19 is %+v", child)
	}
}

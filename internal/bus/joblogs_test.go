package bus_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/bus"
	"github.com/slipway-run/slipway/internal/testenv"
)

func jobLine(index, attempt, n int) slipway.JobLogLine {
	return slipway.JobLogLine{At: time.Unix(1000+int64(n), 0).UTC(), Tenant: "t", Job: "j", Index: index,
		Attempt: attempt, Stream: "stdout", Text: fmt.Sprintf("%d/%d/%d", index, attempt, n)}
}

// jobLines waits until n lines of a job are stored, and gives them.
func jobLines(t *testing.T, b *bus.Bus, job string, index, attempt int, q bus.LogQuery, n int) (lines []slipway.JobLogLine) {
	t.Helper()
	testenv.Eventually(t, time.Minute, func() error {
		lines = lines[:0]
		err := b.JobLogs(within(t), "t", job, index, attempt, q, func(l slipway.JobLogLine) error { lines = append(lines, l); return nil })
		if err == nil && len(lines) < n {
			err = fmt.Errorf("%d lines are stored, not %d", len(lines), n)
		}
		return err
	})
	return lines
}

func TestJobLogs(t *testing.T) {
	eachWay(t, bus.Config{}, func(t *testing.T, reader, writer *bus.Bus) {
		w := writer.LogWriter(context.Background())
		const children, lines = 200, 3
		for n := range lines {
			for child := range children {
				for attempt := 1; attempt <= 2; attempt++ {
					w.WriteJob(jobLine(child, attempt, n))
				}
			}
		}
		foreign := jobLine(0, 1, 0)
		foreign.Tenant = "other"
		w.WriteJob(foreign)
		all := jobLines(t, reader, "j", bus.AllChildren, 0, bus.LogQuery{}, children*lines*2)
		if len(all) != children*lines*2 {
			t.Errorf("%d lines of all children", len(all))
		}
		for _, child := range []int{0, 63, 64, 199} {
			got := jobLines(t, reader, "j", child, 2, bus.LogQuery{}, lines)
			if len(got) != lines {
				t.Fatalf("%d lines of child %d", len(got), child)
			}
			for n, l := range got {
				if l != jobLine(child, 2, n) {
					t.Errorf("line %d of child %d is %+v", n, child, l)
				}
			}
		}
		if got := jobLines(t, reader, "j", 5, 0, bus.LogQuery{Limit: 2}, 2); len(got) != 2 || got[0] != jobLine(5, 1, 2) || got[1] != jobLine(5, 2, 2) {
			t.Errorf("the last two lines of child 5 are %+v", got)
		}
		if err := reader.JobLogs(within(t), "*", "j", 0, 0, bus.LogQuery{}, nil); !errors.Is(err, slipway.ErrInvalid) {
			t.Errorf("a wildcard: err = %v, want ErrInvalid", err)
		}
		if err := reader.Logs(within(t), slipway.FunctionRef{Tenant: "t", Function: "j"}, bus.LogQuery{}, func(slipway.LogLine) error {
			return errors.New("a function of the job's name has lines")
		}); err != nil {
			t.Error(err)
		}
		if err := reader.DropJobLogs(within(t), "t", "j"); err != nil {
			t.Fatal(err)
		}
		if got := jobLines(t, reader, "j", bus.AllChildren, 0, bus.LogQuery{}, 0); len(got) != 0 {
			t.Errorf("%d lines are left", len(got))
		}
	})
}

// TestSyncJob: what was synced can be read.
func TestSyncJob(t *testing.T) {
	b := connect(t, bus.Config{URL: testenv.NATS(t)})
	w := b.LogWriter(context.Background())
	w.SyncJob(within(t), "t", "j", 0) // nothing was written
	for n := range 200 {
		w.WriteJob(jobLine(n%3, 1, n))
		w.SyncJob(within(t), "t", "j", n%3)
		lines := 0
		err := b.JobLogs(within(t), "t", "j", bus.AllChildren, 0, bus.LogQuery{}, func(slipway.JobLogLine) error { lines++; return nil })
		if err != nil || lines != n+1 {
			t.Fatalf("%d lines can be read, not %d: %v", lines, n+1, err)
		}
	}
}

func TestJobLogsFollow(t *testing.T) {
	eachWay(t, bus.Config{}, func(t *testing.T, reader, writer *bus.Bus) {
		w := writer.LogWriter(context.Background())
		ctx, cancel := context.WithCancel(within(t))
		lines, ended := make(chan slipway.JobLogLine), make(chan error, 1)
		go func() {
			ended <- reader.JobLogs(ctx, "t", "j", 3, 1, bus.LogQuery{Follow: true}, func(l slipway.JobLogLine) error { lines <- l; return nil })
		}()
		for n := range 4 {
			w.WriteJob(jobLine(4, 1, n)) // a neighbour's, in the same messages
			w.WriteJob(jobLine(3, 1, n))
			if got := wait(t, "the next line", lines); got != jobLine(3, 1, n) {
				t.Errorf("got %+v, not line %d", got, n)
			}
		}
		cancel()
		if err := wait(t, "the end", ended); err != nil {
			t.Error(err)
		}
	})
}

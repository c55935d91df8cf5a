package bus_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/bus"
	"github.com/slipway-run/slipway/internal/testenv"
)

var logged = slipway.FunctionRef{Tenant: "t", Function: "f"}

func logLine(i int) slipway.LogLine {
	return slipway.LogLine{At: time.Unix(1000+int64(i), 5).UTC(), Tenant: "t", Function: "f", Version: 2,
		Instance: "i", Invocation: "v", Stream: "stdout", Text: fmt.Sprint("line ", i)}
}

// stored waits until n lines of the function are stored, and gives them.
func stored(t *testing.T, b *bus.Bus, ref slipway.FunctionRef, n int) (lines []slipway.LogLine) {
	t.Helper()
	testenv.Eventually(t, time.Minute, func() error {
		lines = lines[:0]
		err := b.Logs(within(t), ref, bus.LogQuery{}, func(l slipway.LogLine) error { lines = append(lines, l); return nil })
		if err == nil && len(lines) < n {
			err = fmt.Errorf("%d lines are stored, not %d", len(lines), n)
		}
		return err
	})
	return lines
}

func TestLogs(t *testing.T) {
	eachWay(t, bus.Config{}, func(t *testing.T, reader, writer *bus.Bus) {
		if err := reader.Logs(within(t), logged, bus.LogQuery{Limit: 5}, nil); err != nil {
			t.Errorf("a log without lines: %v", err)
		}
		w := writer.LogWriter(context.Background())
		for i := range 5000 {
			w.Write(logLine(i))
		}
		other := logLine(0)
		other.Function = "other"
		w.Write(other)
		for i, l := range stored(t, reader, logged, 5000) {
			if l != logLine(i) {
				t.Fatalf("line %d is %+v", i, l)
			}
		}
		queries := []struct {
			query       bus.LogQuery
			first, last int
		}{
			{bus.LogQuery{Limit: 3}, 4997, 4999},
			{bus.LogQuery{Limit: 9999}, 0, 4999},
			{bus.LogQuery{Since: logLine(4000).At}, 4000, 4999},
			{bus.LogQuery{Since: logLine(4000).At, Limit: 2}, 4998, 4999},
			{bus.LogQuery{Since: time.Now().Add(time.Hour)}, 0, -1},
		}
		for _, q := range queries {
			next := q.first
			err := reader.Logs(within(t), logged, q.query, func(l slipway.LogLine) error {
				if l != logLine(next) {
					t.Errorf("%+v: got %q where line %d is expected", q.query, l.Text, next)
				}
				next++
				return nil
			})
			if err != nil || next != q.last+1 {
				t.Errorf("%+v: the last was %d: %v", q.query, next-1, err)
			}
		}
		if err := reader.Logs(within(t), slipway.FunctionRef{Tenant: "*", Function: "f"}, bus.LogQuery{}, nil); !errors.Is(err, slipway.ErrInvalid) {
			t.Errorf("a wildcard: err = %v, want ErrInvalid", err)
		}
		stop := errors.New("enough")
		if err := reader.Logs(within(t), logged, bus.LogQuery{}, func(slipway.LogLine) error { return stop }); err != stop {
			t.Errorf("err = %v", err)
		}
	})
}

func TestLogsFollow(t *testing.T) {
	eachWay(t, bus.Config{}, func(t *testing.T, reader, writer *bus.Bus) {
		w := writer.LogWriter(context.Background())
		w.Write(logLine(0))
		w.Write(logLine(1))
		stored(t, reader, logged, 2)
		ctx, cancel := context.WithCancel(within(t))
		lines, ended := make(chan slipway.LogLine), make(chan error, 1)
		go func() {
			ended <- reader.Logs(ctx, logged, bus.LogQuery{Follow: true, Limit: 1}, func(l slipway.LogLine) error { lines <- l; return nil })
		}()
		for i := 1; i < 5; i++ {
			if got := wait(t, "the next line", lines); got != logLine(i) {
				t.Errorf("got %q, not line %d", got.Text, i)
			}
			w.Write(logLine(i + 1))
		}
		wait(t, "the last line", lines)
		cancel()
		if err := wait(t, "the end", ended); err != nil {
			t.Error(err)
		}
	})
}

// TestLogFlood has one function print faster than anything could store, and another
// one line.
func TestLogFlood(t *testing.T) {
	b := embedded(t, bus.Config{})
	w := b.LogWriter(context.Background())
	const lines = 20_000
	for range lines {
		l := logLine(0)
		l.Text = strings.Repeat("x", 16<<10)
		w.Write(l)
	}
	quiet := logLine(7)
	quiet.Function = "quiet"
	w.Write(quiet)
	if got := stored(t, b, slipway.FunctionRef{Tenant: "t", Function: "quiet"}, 1); got[0] != quiet {
		t.Errorf("got %+v", got[0])
	}
	testenv.Eventually(t, time.Minute, func() error {
		total := 0
		for _, l := range stored(t, b, logged, 1) {
			if l.Stream != "platform" {
				total++
				continue
			}
			var dropped int
			if _, err := fmt.Sscanf(l.Text, "%d lines were dropped", &dropped); err != nil {
				t.Fatalf("the platform says %q", l.Text)
			}
			total += dropped
		}
		if total != lines {
			return fmt.Errorf("%d of %d lines are stored or known to be dropped", total, lines)
		}
		return nil
	})
}

func TestCloseStoresLines(t *testing.T) {
	url := testenv.NATS(t)
	b, writer := connect(t, bus.Config{URL: url}), connect(t, bus.Config{URL: url})
	w := writer.LogWriter(context.Background())
	w.Write(logLine(0))
	writer.Close()
	w.Write(logLine(1)) // too late, and no harm
	if got := stored(t, b, logged, 1); len(got) != 1 {
		t.Errorf("%d lines", len(got))
	}
}

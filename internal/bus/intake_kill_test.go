package bus_test

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/bus"
)

// intakeVictim in the environment makes this process one that puts and takes events until
// it is killed: it is the folder of the server.
const intakeVictim = "SLIPWAY_INTAKE_VICTIM"

var intakeKills = flag.Int("intake-kills", 6, "how often TestIntakeSurvivesKills kills")

// TestIntakeSurvivesKills: what Put has returned for is taken, however often the process
// is killed in which all of it happens.
func TestIntakeSurvivesKills(t *testing.T) {
	dir := t.TempDir()
	put := map[string]bool{}
	for range *intakeKills {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), intakeVictim+"="+dir)
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		if err == nil {
			err = child.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for first := true; lines.Scan(); first = false {
			if first {
				time.AfterFunc(time.Duration(rand.IntN(400))*time.Millisecond, func() { child.Process.Kill() })
			}
			put[lines.Text()] = true
		}
		_ = child.Wait() // it was killed
	}
	if len(put) == 0 {
		t.Fatal("nothing was put")
	}
	server, err := bus.NewServer(bus.ServerConfig{Dir: filepath.Join(dir, "nats")}, testLog(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(within(t)); err != nil {
		t.Fatal(err)
	}
	defer server.Shutdown()
	in := openIntake(t, connect(t, bus.Config{Server: server}))
	k := &kept{}
	stop := take(t, in, k)
	if err := in.Settle(within(t)); err != nil {
		t.Errorf("settle: %v", err)
	}
	stop()
	taken := map[string]bool{}
	for id := range k.events {
		taken[id] = true
	}
	b, err := os.ReadFile(filepath.Join(dir, "taken"))
	if err != nil {
		t.Fatal(err)
	}
	for id := range strings.Lines(string(b)) {
		taken[strings.TrimSpace(id)] = true
	}
	lost := 0
	for id := range put {
		if !taken[id] {
			lost++
		}
	}
	if lost > 0 {
		t.Errorf("of %d events %d were never taken", len(put), lost)
	}
	t.Logf("%d events were put, %d were taken, %d after the last kill", len(put), len(taken), len(k.events))
}

// putAndTake is the process that is killed.
func putAndTake(dir string) error {
	ctx, log := context.Background(), slog.New(slog.DiscardHandler)
	server, err := bus.NewServer(bus.ServerConfig{Dir: filepath.Join(dir, "nats")}, log)
	if err != nil {
		return err
	}
	if err := server.Start(ctx); err != nil {
		return err
	}
	b, err := bus.Connect(ctx, bus.Config{Server: server}, log)
	if err != nil {
		return err
	}
	in, err := b.OpenIntake(ctx)
	if err != nil {
		return err
	}
	taken, err := os.OpenFile(filepath.Join(dir, "taken"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	go in.Take(ctx, func(_ context.Context, events []slipway.Event) error {
		var ids strings.Builder
		for _, e := range events {
			fmt.Fprintln(&ids, e.ID)
		}
		_, err := taken.WriteString(ids.String())
		return err
	})
	failed := make(chan error)
	for range 8 {
		go func() {
			for {
				e := slipway.Event{ID: slipway.NewID(), Payload: []byte("x")}
				if err := in.Put(ctx, e); err != nil {
					failed <- err
				}
				os.Stdout.WriteString(e.ID + "\n")
			}
		}()
	}
	return <-failed
}

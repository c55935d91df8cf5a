package bus_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"testing"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/bus"
)

// peerEnv holds the URL of NATS in the processes that are started to be killed.
const peerEnv = "SLIPWAY_TEST_BUS_PEER"

// servePeer is such a process: it serves "peer" with a body that has no end, and
// makes a call of "victim" that it never ends.
func servePeer() {
	cfg := quick
	cfg.URL = os.Getenv(peerEnv)
	b, err := bus.Connect(context.Background(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = b.Serve("peer", "peer", func(context.Context, *slipway.Request) (*slipway.Response, error) {
		r, w := io.Pipe()
		go fmt.Fprint(w, "begin")
		return &slipway.Response{Status: 200, Length: -1, Body: r}, nil
	})
	fmt.Println("serving", err)
	_, err = b.RoundTrip(context.Background(), "victim", &slipway.Request{})
	fmt.Println("victim", err)
	select {}
}

// startPeer starts one and gives what kills it.
func startPeer(t *testing.T, url string) (kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), peerEnv+"="+url)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	t.Cleanup(kill)
	if line, _ := bufio.NewReader(out).ReadString('\n'); line != "serving <nil>\n" {
		t.Fatalf("the peer said %q", line)
	}
	return kill
}

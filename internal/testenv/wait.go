package testenv

import (
	"fmt"
	"net"
	"testing"
	"time"
)

// FreePort is a TCP port of 127.0.0.1 that nobody listened on a moment ago. Another
// process can take it before the caller does; where a program can choose its own port,
// let it.
func FreePort(t testing.TB) int {
	t.Helper()
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func freePort() (int, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// Eventually waits until cond returns nil. It fails the test with cond's last error
// when that takes longer than timeout. cond runs on the calling goroutine.
func Eventually(t testing.TB, timeout time.Duration, cond func() error) {
	t.Helper()
	if err := eventually(timeout, cond); err != nil {
		t.Fatalf("not within %v: %v", timeout, err)
	}
}

const (
	shortestPause = time.Millisecond
	longestPause  = 50 * time.Millisecond
)

// eventually asks in pauses that grow, so that a quick condition is seen at once and a
// slow one is not disturbed.
func eventually(timeout time.Duration, cond func() error) error {
	deadline := time.Now().Add(timeout)
	for pause := shortestPause; ; pause = min(2*pause, longestPause) {
		err := cond()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(pause)
	}
}

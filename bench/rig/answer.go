package rig

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"
)

const (
	patience = 30 * time.Second
	pause    = 200 * time.Microsecond // between two attempts, as a sandbox's Await does it
)

// rest waits for a pause. The runtime's own timers would take a millisecond for it.
func rest() {
	ts := syscall.NsecToTimespec(int64(pause))
	_ = syscall.Nanosleep(&ts, nil) // a signal that ends it sooner does no harm
}

// AwaitAnswer tries until the program at a TCP address answers, for half a minute.
func AwaitAnswer(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var d net.Dialer
	for {
		conn, err := d.DialContext(ctx, "tcp", address)
		if err == nil {
			err = Ask(conn)
		}
		if err == nil || errors.Is(err, errStatus) {
			return err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("no answer: %w", err)
		}
		rest()
	}
}

var errStatus = errors.New("not the program's answer")

// Ask makes one request, checks that the answer is the program's, and closes conn.
func Ask(conn net.Conn) error {
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		return err
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return err // a proxy that has nobody behind it yet
	}
	defer res.Body.Close()
	return CheckAnswer(res)
}

// CheckAnswer says whether an answer is that of examples/go-http.
func CheckAnswer(res *http.Response) error {
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK || !strings.Contains(string(body), "Hello") {
		return fmt.Errorf("%w: %s %.200s", errStatus, res.Status, body)
	}
	return nil
}

// FreePort is one that nobody listens on now.
func FreePort() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err) // a machine without a loopback measures nothing
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// floor is the program without any isolation.
const floor = "plain process"

const (
	patience = 30 * time.Second
	pause    = 200 * time.Microsecond // between two attempts, as the invoker does it
)

// rest waits for a pause. The runtime's own timers would take a millisecond for it.
func rest() {
	ts := syscall.NsecToTimespec(int64(pause))
	_ = syscall.Nanosleep(&ts, nil) // a signal that ends it sooner does no harm
}

// compile makes a static program named bootstrap, in a folder of its own that can be a
// layer, and be deployed.
func compile(ctx context.Context, source, dir string) (string, error) {
	out := filepath.Join(dir, "program", "bootstrap")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", out, ".")
	build.Dir, build.Env = source, append(os.Environ(), "CGO_ENABLED=0")
	if said, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("compile %s: %w: %s", source, err, said)
	}
	return out, nil
}

type plain struct{ program string }

func (p plain) once(ctx context.Context) (time.Duration, error) {
	port := freePort()
	began := time.Now()
	cmd := exec.Command(p.program)
	cmd.Env = []string{"PORT=" + port}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	err := awaitAnswer(ctx, dialHost("127.0.0.1:"+port))
	took := time.Since(began)
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // it was killed
	return took, err
}

type dialer func(ctx context.Context) (net.Conn, error)

func dialHost(address string) dialer {
	return func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", address)
	}
}

// awaitAnswer tries until the program answers.
func awaitAnswer(ctx context.Context, dial dialer) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		conn, err := dial(ctx)
		if err == nil {
			err = ask(conn)
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

// ask makes one request.
func ask(conn net.Conn) error {
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
	return checkAnswer(res)
}

func checkAnswer(res *http.Response) error {
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK || !strings.Contains(string(body), "Hello") {
		return fmt.Errorf("%w: %s %.200s", errStatus, res.Status, body)
	}
	return nil
}

// freePort is one that nobody listens on now.
func freePort() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err) // a machine without a loopback measures nothing
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

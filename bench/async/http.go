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
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/slipway-run/slipway/bench/rig"
)

// event is what each request brings.
var event = `{"order":"` + strings.Repeat("7", 100) + `","kind":"bench"}`

// post has clients send events to one path for a time, each over a connection of its own.
func post(ctx context.Context, address, path, header string, clients int, d time.Duration) (sample, error) {
	request := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\n%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", path, address, header, len(event), event)
	return measure(ctx, clients, d, func(ctx context.Context, _ int) (func() error, func(), error) {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return nil, nil, err
		}
		answers := bufio.NewReader(conn)
		return func() error {
			if _, err := conn.Write(request); err != nil {
				return err
			}
			return readAccepted(answers)
		}, func() { conn.Close() }, nil
	})
}

// readAccepted reads one answer and says whether it is 202. It knows what it needs of HTTP
// and no more, so that the load costs little beside what is measured.
func readAccepted(r *bufio.Reader) error {
	status, err := r.ReadSlice('\n')
	if err != nil {
		return err
	}
	ok := strings.HasPrefix(string(status), "HTTP/1.1 202")
	said, length := strings.TrimSpace(string(status)), 0
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) <= 2 {
			break
		}
		if name, value, _ := strings.Cut(string(line), ":"); strings.EqualFold(name, "Content-Length") {
			if length, err = strconv.Atoi(strings.TrimSpace(value)); err != nil {
				return err
			}
		}
	}
	if _, err := r.Discard(length); err != nil {
		return err
	}
	if !ok {
		return errors.New(said)
	}
	return nil
}

// measure has clients do something again and again for a time. open prepares one client.
func measure(ctx context.Context, clients int, d time.Duration, open func(context.Context, int) (do func() error, end func(), err error)) (sample, error) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	took, failed, broken := make([][]time.Duration, clients), make([]int, clients), make([]error, clients)
	var all sync.WaitGroup
	began := time.Now()
	for n := range clients {
		all.Go(func() {
			do, end, err := open(ctx, n)
			if err != nil {
				broken[n] = err
				return
			}
			defer end()
			for ctx.Err() == nil {
				at := time.Now()
				if err := do(); err != nil {
					broken[n] = err
					failed[n]++
					return
				}
				took[n] = append(took[n], time.Since(at))
			}
		})
	}
	all.Wait()
	elapsed := time.Since(began)
	var s sample
	var every []time.Duration
	for n := range clients {
		every = append(every, took[n]...)
		s.errors += failed[n]
	}
	if len(every) == 0 {
		return s, errors.Join(broken...)
	}
	s.rate = float64(len(every)) / elapsed.Seconds()
	s.p50, s.p99 = rig.Quantile(every, 50), rig.Quantile(every, 99)
	return s, nil
}

const echoCommand = "echo-server"

// startEcho runs the server that does nothing in a process of its own.
func startEcho() (address string, stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return "", nil, err
	}
	cmd := exec.Command(self, echoCommand)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		stop()
		return "", nil, fmt.Errorf("the server that does nothing: %w", err)
	}
	return strings.TrimSpace(line), stop, nil
}

// serveEcho says where it listens, and answers.
func serveEcho(w io.Writer) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintln(w, listener.Addr())
	return http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusAccepted)
		io.WriteString(w, `{"id":"01a21989-4115-73b9-92c7-0e72b5f30e5d"}`)
	}))
}

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// server is a `slipway serve` of the demo's own, with a data folder that goes with it.
type server struct {
	binary, url, key string
	dir              string
	log              *os.File
	cmd              *exec.Cmd
	exited           chan error
}

// startServer starts the binary on a free port and waits until it says it is ready.
func startServer(ctx context.Context, binary string) (*server, error) {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "slipway-demo-")
	if err != nil {
		return nil, err
	}
	s := &server{binary: binary, dir: dir, exited: make(chan error, 1)}
	if s.log, err = os.Create(filepath.Join(dir, "server.log")); err != nil {
		return nil, err
	}
	s.cmd = exec.Command(binary, "serve", "--listen", "127.0.0.1:0", "--data", filepath.Join(dir, "data"))
	s.cmd.Stderr = s.log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: true} // Ctrl-C reaches the demo, which stops it in order
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", binary, err)
	}
	ready := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			if url, ok := strings.CutPrefix(lines.Text(), "Slipway is ready at "); ok {
				ready <- url
			}
		}
		s.exited <- s.cmd.Wait()
	}()
	return s, s.await(ctx, ready)
}

func (s *server) await(ctx context.Context, ready <-chan string) error {
	select {
	case s.url = <-ready:
	case err := <-s.exited:
		s.exited <- err
		said, _ := os.ReadFile(s.log.Name())
		s.stop()
		return fmt.Errorf("the server ended at once: %w\n%s", err, bytes.TrimSpace(said))
	case <-time.After(time.Minute):
		s.stop()
		return errors.New("the server was not ready within a minute")
	case <-ctx.Done():
		s.stop()
		return ctx.Err()
	}
	key, err := os.ReadFile(filepath.Join(s.dir, "data", "admin.key"))
	s.key = strings.TrimSpace(string(key))
	return err
}

// stop ends the server in order and removes its folder. It may be called twice.
func (s *server) stop() error {
	if s.dir == "" {
		return nil
	}
	s.cmd.Process.Signal(syscall.SIGTERM)
	err := <-s.exited
	s.exited <- err
	s.log.Close()
	defer func() { s.dir = "" }()
	return errors.Join(err, os.RemoveAll(s.dir))
}

// command runs the command line client against the server.
func (s *server) command(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, s.binary, args...)
	cmd.Env = append(os.Environ(), "SLIPWAY_URL="+s.url, "SLIPWAY_KEY="+s.key)
	return cmd.CombinedOutput()
}

// api makes one REST call and decodes the answer into out.
func (s *server) api(ctx context.Context, method, path, body string, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, s.url+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+s.key)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	doc, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s: %s", method, path, res.Status, doc)
	}
	return json.Unmarshal(doc, out)
}

// runtime is what the packager found the live version to be.
func (s *server) runtime(ctx context.Context, function string) (string, error) {
	var versions struct {
		Items []struct{ Runtime, Protocol string }
	}
	if err := s.api(ctx, "GET", "/v1/functions/"+function+"/versions", "", &versions); err != nil {
		return "", err
	}
	if len(versions.Items) == 0 {
		return "", errors.New("no version")
	}
	return versions.Items[0].Runtime + "/" + versions.Items[0].Protocol, nil
}

// instances counts what runs of a function.
func (s *server) instances(ctx context.Context, function string) (int, error) {
	var list struct{ Items []json.RawMessage }
	err := s.api(ctx, "GET", "/v1/functions/"+function+"/instances", "", &list)
	return len(list.Items), err
}

func lastLines(out []byte, n int) []string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[max(0, len(lines)-n):]
}

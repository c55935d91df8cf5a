package rig

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

// Server is a `slipway serve`, with a data folder that goes with it.
type Server struct {
	URL string // http://host:port
	Key string // of an administrator

	binary string
	dir    string
	log    *os.File
	cmd    *exec.Cmd
	exited chan error
}

// Start starts the binary on a free port, with more flags if any, and returns when it
// says that it is ready.
func Start(ctx context.Context, binary string, flags ...string) (*Server, error) {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "slipway-bench-")
	if err != nil {
		return nil, err
	}
	s := &Server{binary: binary, dir: dir, exited: make(chan error, 1)}
	if s.log, err = os.Create(filepath.Join(dir, "server.log")); err != nil {
		return nil, err
	}
	s.cmd = exec.Command(binary, append([]string{"serve", "--listen", "127.0.0.1:0", "--data", filepath.Join(dir, "data")}, flags...)...)
	s.cmd.Stderr = s.log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: true} // Ctrl-C reaches the caller, which stops it in order
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

func (s *Server) await(ctx context.Context, ready <-chan string) error {
	select {
	case s.URL = <-ready:
	case err := <-s.exited:
		s.exited <- err
		said, _ := os.ReadFile(s.log.Name())
		s.Stop()
		return fmt.Errorf("the server ended at once: %w\n%s", err, bytes.TrimSpace(said))
	case <-time.After(time.Minute):
		s.Stop()
		return errors.New("the server was not ready within a minute")
	case <-ctx.Done():
		s.Stop()
		return ctx.Err()
	}
	key, err := os.ReadFile(filepath.Join(s.dir, "data", "admin.key"))
	s.Key = strings.TrimSpace(string(key))
	return err
}

// PID is the process's.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Stop ends the server in order and removes its folder. It may be called twice.
func (s *Server) Stop() error {
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

// Command runs the command line client against the server.
func (s *Server) Command(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, s.binary, args...)
	cmd.Env = append(os.Environ(), "SLIPWAY_URL="+s.URL, "SLIPWAY_KEY="+s.Key)
	return cmd.CombinedOutput()
}

// API makes one REST call and decodes the answer into out.
func (s *Server) API(ctx context.Context, method, path, body string, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, s.URL+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+s.Key)
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

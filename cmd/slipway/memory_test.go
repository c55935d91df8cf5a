package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/testenv"
)

// TestMemoryIsBounded sends 1 GiB through a server and back, over HTTP/1.1 and HTTP/2, to
// a client that reads nothing at first and then everything. Neither while it reads
// nothing nor afterwards may the server hold more than a small piece of it.
func TestMemoryIsBounded(t *testing.T) {
	const size, bound = 1 << 30, 64 << 20
	p, pid := serveApart(t)
	p.configure(t, "echo", `{"scaling":{"concurrency":10,"max":1}}`)
	p.deploy(goServer(t, `http.NewResponseController(w).EnableFullDuplex(); w.WriteHeader(200); w.(http.Flusher).Flush(); io.Copy(w, r.Body)`), "echo")
	p.event("GET", "/fn/echo/", "")
	var h2 http.Protocols
	h2.SetUnencryptedHTTP2(true)
	for name, transport := range map[string]*http.Transport{"HTTP/1.1": {}, "HTTP/2": {Protocols: &h2}} {
		t.Run(name, func(t *testing.T) {
			defer transport.CloseIdleConnections()
			before, most := resident(t, pid), int64(0)
			sent := &counted{Reader: noise(size)}
			req, err := http.NewRequest("POST", p.url+"/fn/echo/", sent)
			if err != nil {
				t.Fatal(err)
			}
			res, err := transport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			last, same := int64(-1), 0
			testenv.Eventually(t, time.Minute, func() error {
				if n := sent.n.Load(); n != last || n == 0 {
					last, same = n, 0
				}
				if same++; same < 20 {
					return fmt.Errorf("%d bytes went out while nobody read, and more follow", last)
				}
				return nil
			})
			if last > size/2 {
				t.Errorf("%d MiB went out while nobody read", last>>20)
			}
			for n := int64(0); n < size; {
				m, err := io.CopyN(io.Discard, res.Body, 16<<20)
				if n += m; err != nil {
					t.Fatalf("after %d bytes: %v", n, err)
				}
				most = max(most, resident(t, pid))
			}
			if most-before > bound {
				t.Errorf("the server grew from %d to %d MiB", before>>20, most>>20)
			}
		})
	}
}

// serveApart is boot with the server in a process of its own.
func serveApart(t *testing.T) (p *platform, pid int) {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	server := startProcess(t, "serve", "--listen", "127.0.0.1:0", "--data", data)
	p = &platform{t: t, url: server.await("Slipway is ready at "), data: data}
	p.key = adminKey(t, data)
	return p, server.cmd.Process.Pid
}

// resident is the memory that a process has now, in bytes (VmRSS of proc_pid_status(5)).
func resident(t *testing.T, pid int) int64 {
	t.Helper()
	doc, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := bytes.Cut(doc, []byte("VmRSS:"))
	fields := bytes.Fields(rest)
	if len(fields) == 0 {
		t.Fatalf("no VmRSS in %s", doc)
	}
	kib, err := strconv.ParseInt(string(fields[0]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kib << 10
}

// counted counts what was read.
type counted struct {
	io.Reader
	n atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n.Add(int64(n))
	return n, err
}

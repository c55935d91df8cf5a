package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/slipway-run/slipway/internal/sandbox"
	"github.com/slipway-run/slipway/internal/userns"
)

// TestMain makes this test binary the slipway binary too: as the init of sandboxes, and
// as the command that scripts and the tests of processes apart execute.
func TestMain(m *testing.M) {
	userns.Init()
	sandbox.Init()
	testscript.Main(m, map[string]func(){"slipway": main})
}

// platform is a whole `slipway serve` inside the test process.
type platform struct {
	t    *testing.T
	url  string
	key  string
	data string
	stop func() int // ends it in order; its value is the exit status
	log  *safeBuffer
}

// boot starts serve with a data folder of its own and waits until it is ready.
func boot(t *testing.T, flags ...string) *platform {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	return bootIn(t, data, flags...)
}

func bootIn(t *testing.T, data string, flags ...string) *platform {
	t.Helper()
	p := &platform{t: t, data: data, log: &safeBuffer{}}
	ctx, cancel := context.WithCancel(context.Background())
	args := append([]string{"serve", "--listen", "127.0.0.1:0", "--data", data}, flags...)
	stdout, w := io.Pipe()
	exited := make(chan int, 1)
	go func() {
		exited <- run(ctx, args, strings.NewReader(""), w, p.log)
		w.Close()
	}()
	p.stop = sync.OnceValue(func() int { cancel(); return <-exited })
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			t.Logf("the server's log:\n%s", p.log)
		}
	})
	p.url = readyURL(t, stdout, p.log)
	p.key = adminKey(t, data)
	return p
}

// readyURL reads what a server prints until it says where it is.
func readyURL(t *testing.T, stdout io.Reader, log *safeBuffer) string {
	t.Helper()
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if url, ok := strings.CutPrefix(lines.Text(), "Slipway is ready at "); ok {
			go io.Copy(io.Discard, stdout)
			return url
		}
	}
	t.Fatalf("the server ended before it was ready:\n%s", log)
	return ""
}

func adminKey(t *testing.T, data string) string {
	t.Helper()
	key, err := os.ReadFile(filepath.Join(data, adminKeyFile))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(key))
}

// cli runs the command line against the platform, in this process.
func (p *platform) cli(args ...string) (status int, stdout, stderr string) {
	p.t.Helper()
	p.t.Setenv("SLIPWAY_URL", p.url)
	p.t.Setenv("SLIPWAY_KEY", p.key)
	var out, errs bytes.Buffer
	status = run(p.t.Context(), args, strings.NewReader(""), &out, &errs)
	return status, out.String(), errs.String()
}

// deploy deploys a folder and fails the test when that fails.
func (p *platform) deploy(dir, name string, flags ...string) {
	p.t.Helper()
	args := append([]string{"deploy", dir, "--name", name}, flags...)
	if status, stdout, stderr := p.cli(args...); status != 0 {
		p.t.Fatalf("deploy %s: exit status %d\n%s%s", dir, status, stdout, stderr)
	}
}

// api makes a REST call with the admin key; the answer's body is read whole.
func (p *platform) api(method, path, body string) (*http.Response, string) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.url+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+p.key)
	return p.do(req)
}

// event sends an HTTP event to a function by its path.
func (p *platform) event(method, path, body string) (*http.Response, string) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.url+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	return p.do(req)
}

func (p *platform) do(req *http.Request) (*http.Response, string) {
	p.t.Helper()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatalf("%s %s: read the answer: %v", req.Method, req.URL, err)
	}
	return res, string(body)
}

// errorDocument is the JSON of every refusal.
type errorDocument struct {
	Error struct {
		Code      string `json:"code"`
		Message   string `json:"message"`
		RequestID string `json:"request_id"`
	} `json:"error"`
}

// wantError checks status, code and a part of the message of a refusal.
func wantError(t *testing.T, res *http.Response, body string, status int, code, part string) {
	t.Helper()
	var doc errorDocument
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		t.Fatalf("%s: not an error document: %s", res.Status, body)
	}
	if res.StatusCode != status || doc.Error.Code != code || !strings.Contains(doc.Error.Message, part) {
		t.Errorf("got %d %s %q, want %d %s with %q", res.StatusCode, doc.Error.Code, doc.Error.Message, status, code, part)
	}
	if doc.Error.RequestID == "" || doc.Error.RequestID != res.Header.Get("X-Request-Id") {
		t.Errorf("request id %q in the body, %q in the header", doc.Error.RequestID, res.Header.Get("X-Request-Id"))
	}
}

// source writes a folder of source from file names and contents.
func source(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// safeBuffer is a bytes.Buffer that a server may write while a test reads.
type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

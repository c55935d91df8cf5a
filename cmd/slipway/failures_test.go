package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// goServer is a Go program whose handler is the given body.
func goServer(t *testing.T, handler string) string {
	t.Helper()
	return source(t, map[string]string{
		"go.mod": "module example.com/fn\n\ngo 1.24\n",
		"main.go": `package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

var _, _, _ = fmt.Sprint, io.Copy, time.Now

func main() {
	http.ListenAndServe(":"+os.Getenv("PORT"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		` + handler + `
	}))
}
`})
}

// TestFunctionsThatFail: what the user's code does wrong is told apart and clearly.
func TestFunctionsThatFail(t *testing.T) {
	p := boot(t)

	t.Run("a crash", func(t *testing.T) {
		p.deploy(goServer(t, `fmt.Fprintln(os.Stderr, "about to fall"); os.Exit(3)`), "crash")
		res, body := p.event("GET", "/fn/crash/", "")
		wantError(t, res, body, http.StatusBadGateway, "function_error", "exit status 3")
		if !strings.Contains(body, "about to fall") {
			t.Errorf("the last log lines are missing: %s", body)
		}
		res, body = p.event("GET", "/fn/crash/", "") // the instance is replaced, and crashes again
		wantError(t, res, body, http.StatusBadGateway, "function_error", "exit status 3")
	})
	t.Run("a timeout", func(t *testing.T) {
		dir := goServer(t, `if r.URL.Path == "/slow" { time.Sleep(time.Hour) }; io.WriteString(w, "ok")`)
		p.deploy(dir, "slow")
		if res, body := p.api("PUT", "/v1/functions/slow", `{"timeout":"300ms"}`); res.StatusCode >= 300 {
			t.Fatalf("%s: %s", res.Status, body)
		}
		res, body := p.event("GET", "/fn/slow/slow", "")
		wantError(t, res, body, http.StatusGatewayTimeout, "function_error", "timed out after 0.30 seconds")
		res, body = p.event("GET", "/fn/slow/", "")
		checkAnswer(t, res, body, "ok")
	})
	t.Run("too much memory", func(t *testing.T) {
		dir := goServer(t, `var hog [][]byte; for { b := make([]byte, 16<<20); for i := range b { b[i] = 1 }; hog = append(hog, b) }`)
		p.deploy(dir, "hog")
		res, body := p.event("GET", "/fn/hog/", "")
		wantError(t, res, body, http.StatusBadGateway, "function_error", "memory")
	})
	t.Run("a handler that raises", func(t *testing.T) {
		p.deploy(source(t, map[string]string{"handler.py": "def handler(event, context):\n    raise ValueError('no such thing')\n"}), "raise")
		res, body := p.event("GET", "/fn/raise/", "")
		wantError(t, res, body, http.StatusBadGateway, "function_error", "no such thing")

		res, body = p.api("POST", "/v1/functions/raise/invocations", "{}")
		var doc struct{ ErrorType, ErrorMessage string }
		if err := json.Unmarshal([]byte(body), &doc); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		if res.StatusCode != http.StatusOK || res.Header.Get("X-Slipway-Function-Error") == "" || doc.ErrorType != "ValueError" {
			t.Errorf("answered %s %v %+v", res.Status, res.Header, doc)
		}
		if status, _, stderr := p.cli("invoke", "raise", "-d", "{}"); status != 1 || !strings.Contains(stderr, "no such thing") {
			t.Errorf("invoke: exit status %d, %q", status, stderr)
		}
	})
}

// TestDeploysThatFail: every one has a clear reason, and the version that serves stays.
func TestDeploysThatFail(t *testing.T) {
	p := boot(t, "--start-timeout", "2s", "--max-unpacked-mb", "64", "--max-upload-mb", "2")
	p.deploy(goServer(t, `io.WriteString(w, "version one")`), "steady")

	tests := []struct {
		name  string
		files map[string]string
		flags []string
		want  []string
	}{
		{"nothing in the folder", map[string]string{}, nil, []string{"empty"}},
		{"no known runtime", map[string]string{"notes.txt": "hi"}, nil, []string{"go.mod", "package.json", "bootstrap"}},
		{"a compile error", map[string]string{"go.mod": "module x\n\ngo 1.24\n", "main.go": "package main\n\nfunc main() { undefinedThing() }\n"}, nil,
			[]string{"undefined: undefinedThing", "main.go:3"}},
		{"no such handler", map[string]string{"handler.py": "def other(event, context):\n    pass\n"}, nil, []string{"handler"}},
		{"a port nobody listens on", map[string]string{"go.mod": "module x\n\ngo 1.24\n",
			"main.go": "package main\n\nimport (\"fmt\"; \"time\")\n\nfunc main() { fmt.Println(\"just thinking\"); time.Sleep(time.Hour) }\n"}, nil, []string{"nothing listens on port 8080 after 2s", "just thinking"}},
		{"ends at once", map[string]string{"go.mod": "module x\n\ngo 1.24\n",
			"main.go": "package main\n\nimport (\"fmt\"; \"os\")\n\nfunc main() { fmt.Println(\"no database\"); os.Exit(7) }\n"}, nil, []string{"exit status 7", "no database"}},
		{"an unknown key in slipway.yaml", map[string]string{"slipway.yaml": "memroy_mb: 5\n", "handler.py": "def handler(e, c): pass\n"}, nil, []string{"memroy_mb"}},
		{"a value out of bounds", map[string]string{"slipway.yaml": "memory_mb: 5\n", "handler.py": "def handler(e, c): pass\n"}, nil, []string{"memory_mb: 5", "16"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, stdout, stderr := p.cli(append([]string{"deploy", source(t, tt.files), "--name", "steady"}, tt.flags...)...)
			if status != 1 {
				t.Errorf("exit status %d, want 1", status)
			}
			for _, want := range tt.want {
				if !strings.Contains(stdout+stderr, want) {
					t.Errorf("the output lacks %q:\n%s%s", want, stdout, stderr)
				}
			}
			res, body := p.event("GET", "/fn/steady/", "")
			checkAnswer(t, res, body, "version one")
		})
	}
	t.Run("a name that is not allowed", func(t *testing.T) {
		if status, _, stderr := p.cli("deploy", t.TempDir(), "--name", "No_Good"); status == 0 || !strings.Contains(stderr, "lower-case") {
			t.Errorf("exit status %d, %q", status, stderr)
		}
	})
}

// TestHostileUploads sends what no client of ours would.
func TestHostileUploads(t *testing.T) {
	p := boot(t, "--max-unpacked-mb", "64", "--max-upload-mb", "2")
	if res, body := p.api("PUT", "/v1/functions/f", "{}"); res.StatusCode >= 300 {
		t.Fatalf("%s: %s", res.Status, body)
	}
	tests := []struct {
		name, body string
		status     int
		part       string
	}{
		{"empty", "", http.StatusBadRequest, "empty"},
		{"no archive", "hello", http.StatusBadRequest, "archive"},
		{"half a gzip", string(gzipped(t, tarOf(t, "handler.py", "x"))[:20]), http.StatusBadRequest, "archive"},
		{"unpacks to more than the limit", string(gzipped(t, tarOf(t, "zeros", string(make([]byte, 65<<20))))), http.StatusRequestEntityTooLarge, "64"},
		{"larger than may be uploaded", strings.Repeat("x", 3<<20), http.StatusRequestEntityTooLarge, "2"},
		{"escapes", string(tarOf(t, "../../../../tmp/slipway-escaped", "x")), http.StatusBadRequest, ".."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			res, body := p.api("POST", "/v1/functions/f/source?wait=true", tt.body)
			if !strings.Contains(body, tt.part) || !strings.Contains(body, `"code"`) {
				t.Errorf("answered %s: %s", res.Status, body)
			}
		})
	}
}

// TestCallsThatAreRefused: the platform's own errors.
func TestCallsThatAreRefused(t *testing.T) {
	p := boot(t)
	p.deploy(goServer(t, `io.Copy(w, r.Body)`), "echo")

	res, body := p.event("GET", "/fn/nobody/", "")
	wantError(t, res, body, http.StatusNotFound, "not_found", `"nobody"`)
	res, body = p.eventByHost(t, "nobody.localhost", "")
	wantError(t, res, body, http.StatusNotFound, "not_found", `"nobody"`)
	res, body = p.api("GET", "/v1/functions/nobody", "")
	wantError(t, res, body, http.StatusNotFound, "not_found", `"nobody"`)
	res, body = p.api("PUT", "/v1/functions/No_Good", "{}")
	wantError(t, res, body, http.StatusBadRequest, "invalid", "lower-case")
	res, body = p.api("PUT", "/v1/functions/echo", `{"memory_mb":1}`)
	wantError(t, res, body, http.StatusBadRequest, "invalid", "memory_mb: 1")
	res, body = p.api("POST", "/v1/functions/echo/invocations", strings.Repeat("x", 7<<20))
	wantError(t, res, body, http.StatusRequestEntityTooLarge, "too_large", "")

	p.key = "wrong"
	res, body = p.api("GET", "/v1/functions", "")
	wantError(t, res, body, http.StatusUnauthorized, "unauthorized", "key")
}

func tarOf(t *testing.T, name, content string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(w, content)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func gzipped(t *testing.T, b []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	w.Write(b)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

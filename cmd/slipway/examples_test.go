package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// TestExamples deploys every example as a user would and calls it in every way there is.
func TestExamples(t *testing.T) {
	p := boot(t)
	tests := []struct {
		name, body, want string
		protocol         string
	}{
		{"go-http", "", "Hello", "http"},
		{"go-lambda", `{"name":"Ada"}`, "Ada", "lambda"},
		{"python-handler", `{"name":"Ada"}`, "Ada", "lambda"},
		{"python-wsgi", "", "Hello", "http"},
		{"node-handler", `{"name":"Ada"}`, "Ada", "lambda"},
		{"node-http", "", "Hello", "http"},
		{"shell-stdio", "Ada", "Ada", "stdio"},
		{"shell-lambda", `{"name":"Ada"}`, "Hello", "lambda"},
		{"python-stream", "", "Hello", "lambda"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, stdout, stderr := p.cli("deploy", "../../examples/"+tt.name, "--name", tt.name)
			if status != 0 {
				t.Fatalf("deploy: exit status %d\n%s%s", status, stdout, stderr)
			}
			lines := strings.Split(strings.TrimSpace(stdout), "\n")
			if last := lines[len(lines)-1]; !strings.HasPrefix(last, "http://"+tt.name+".localhost") {
				t.Errorf("deploy's last line is %q, want the URL", last)
			}
			p.checkProtocol(t, tt.name, tt.protocol)

			res, body := p.event("POST", "/fn/"+tt.name+"/", tt.body)
			checkAnswer(t, res, body, tt.want)
			if cold := res.Header.Get("X-Slipway-Cold-Start"); tt.protocol != "stdio" && cold != "false" {
				t.Error("the first event was cold, though the deploy had checked an instance")
			}
			res, body = p.eventByHost(t, tt.name+".localhost", tt.body)
			checkAnswer(t, res, body, tt.want)
			if tt.protocol != "http" {
				status, stdout, stderr = p.cli("invoke", tt.name, "-d", tt.body)
				if status != 0 || !strings.Contains(stdout, tt.want) {
					t.Errorf("invoke: exit status %d, %q, %q", status, stdout, stderr)
				}
			}
		})
	}
}

// TestReadme types what the README says about a body that is no JSON and larger than a
// message on the bus.
func TestReadme(t *testing.T) {
	p := boot(t)
	p.deploy("../../examples/python-handler", "py")
	res, body := p.event("POST", "/fn/py/x?y=1", strings.Repeat("no JSON\n", 1<<17))
	checkAnswer(t, res, body, "Hello, world!")
	for _, want := range []string{`"path":"/x"`, `"query":{"y":"1"}`, `"bytes":1048576`} {
		if !strings.Contains(strings.ReplaceAll(body, " ", ""), want) {
			t.Errorf("the answer %s lacks %s", body, want)
		}
	}
}

func (p *platform) checkProtocol(t *testing.T, function, want string) {
	t.Helper()
	_, body := p.api("GET", "/v1/functions/"+function+"/versions/1", "")
	var v struct{ Protocol, State, Digest string }
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatalf("version: %v: %s", err, body)
	}
	if v.Protocol != want || v.State != "ready" || !strings.HasPrefix(v.Digest, "sha256:") {
		t.Errorf("version = %+v, want protocol %s", v, want)
	}
}

func (p *platform) eventByHost(t *testing.T, host, body string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "POST", p.url+"/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Host = host
	return p.do(req)
}

func checkAnswer(t *testing.T, res *http.Response, body, want string) {
	t.Helper()
	if res.StatusCode != http.StatusOK || !strings.Contains(body, want) {
		t.Errorf("answered %s %q, want %q in it", res.Status, body, want)
	}
	for _, name := range []string{"X-Request-Id", "X-Slipway-Cold-Start", "Server-Timing"} {
		if res.Header.Get(name) == "" {
			t.Errorf("the answer has no %s", name)
		}
	}
	for _, phase := range []string{"route", "queue", "start", "run"} {
		if !strings.Contains(res.Header.Get("Server-Timing"), phase+";dur=") {
			t.Errorf("Server-Timing %q has no %s", res.Header.Get("Server-Timing"), phase)
		}
	}
}

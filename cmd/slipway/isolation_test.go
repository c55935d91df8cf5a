package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-run/slipway/internal/testenv"
)

// TestOtherRuntime deploys an example of each protocol with another runtime than ours.
func TestOtherRuntime(t *testing.T) {
	testenv.Require(t, "runc")
	p := boot(t)
	for name, want := range map[string]struct{ protocol, answer string }{
		"go-http":     {"http", "Hello"},
		"go-lambda":   {"lambda", "Ada"},
		"shell-stdio": {"stdio", "Ada"},
	} {
		t.Run(name, func(t *testing.T) {
			p.deploy(isolatedExample(t, name, "oci:runc"), name)
			p.checkProtocol(t, name, want.protocol)
			for range 2 {
				res, body := p.event("POST", "/fn/"+name+"/", `{"name":"Ada"}`)
				checkAnswer(t, res, body, want.answer)
			}
		})
	}
	t.Run("missing", func(t *testing.T) {
		status, stdout, stderr := p.cli("deploy", isolatedExample(t, "go-http", "oci:bash"), "--name", "missing")
		if said := stdout + stderr; status == 0 || !strings.Contains(said, "no such runtime") || !strings.Contains(said, "oci:runc") {
			t.Errorf("deploy with isolation oci:bash: exit status %d\n%s", status, said)
		}
		if res, body := p.event("GET", "/fn/missing/", ""); res.StatusCode == http.StatusOK {
			t.Errorf("it answers: %s", body)
		}
	})
	if status := p.stop(); status != 0 {
		t.Errorf("serve: exit status %d", status)
	}
	if left := ownedBy(t, p.data); !left.empty() {
		t.Errorf("left: %+v", left)
	}
}

// isolatedExample is an example with one more line of configuration.
func isolatedExample(t *testing.T, name, isolation string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	if err := os.CopyFS(dir, os.DirFS("../../examples/"+name)); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "slipway.yaml")
	config, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	config = append(config, "\nisolation: "+isolation+"\n"...)
	if err := os.WriteFile(file, config, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestRuntimeOption: a binary of a runtime is named by its path.
func TestRuntimeOption(t *testing.T) {
	for flag, want := range map[string]string{
		"crun=bin/crun":  "must be an absolute path",
		"Crun=/bin/crun": "--oci-runtime",
		"crun":           "must be formatted as key=value",
	} {
		var out, errs strings.Builder
		status := run(t.Context(), []string{"serve", "--data", t.TempDir(), "--oci-runtime", flag}, strings.NewReader(""), &out, &errs)
		if status == 0 || !strings.Contains(errs.String(), want) {
			t.Errorf("--oci-runtime %s: exit status %d, %q", flag, status, &errs)
		}
	}
}

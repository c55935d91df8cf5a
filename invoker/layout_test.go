package invoker_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-run/slipway"
)

// TestBaseLayout: an image that is made as AWS's base images are finds what it relies on.
func TestBaseLayout(t *testing.T) {
	m := boot(t)
	program, err := os.ReadFile(filepath.Join(m.image.Layers[0], "fn"))
	if err != nil {
		t.Fatal(err)
	}
	layer := m.t.TempDir()
	for _, dir := range []string{"opt/bin", "opt/lib", "var/task/lib"} {
		if err := os.MkdirAll(filepath.Join(layer, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(layer, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(layer, "var/task/bootstrap"), program, 0o755); err != nil {
		t.Fatal(err)
	}
	m.mu.Lock()
	m.image.Layers = append(m.image.Layers[:1:1], layer)
	m.image.Entrypoint, m.image.Cmd, m.image.Env = nil, nil, []string{"PATH=/bin"}
	m.mu.Unlock()
	env := func(name string) string {
		return read(t, m.send(invocation(m.deploy(name, slipway.ProtocolLambda, func(c *slipway.Config) { c.Command = nil }), `{"do":"env"}`)))
	}
	has := func(env string, pairs ...string) {
		t.Helper()
		for _, pair := range pairs {
			if !strings.Contains(env, pair+`"`) {
				t.Errorf("the environment %s lacks %s", env, pair)
			}
		}
	}
	has(env("provided"), "PATH=/bin:/opt/bin", "LD_LIBRARY_PATH=/var/task/lib:/opt/lib", "LAMBDA_TASK_ROOT=/var/task", "LAMBDA_RUNTIME_DIR=/var/runtime",
		"AWS_EXECUTION_ENV=AWS_Lambda_Image", "PWD=/var/task")

	m.mu.Lock()
	m.image.Entrypoint, m.image.Cmd = []string{"/fn", "lambda"}, []string{"index.handler"}
	m.mu.Unlock()
	has(env("entrypoint"), "_HANDLER=index.handler")
}

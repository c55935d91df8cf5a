package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/testenv"
)

// eachForm runs a test on one process, and on a gateway and an invoker apart, between
// which everything crosses a real nats-server.
func eachForm(t *testing.T, test func(t *testing.T, p *platform)) {
	t.Run("serve", func(t *testing.T) { test(t, boot(t)) })
	t.Run("apart", func(t *testing.T) { test(t, bootApart(t)) })
}

func bootApart(t *testing.T) *platform {
	t.Helper()
	nats, data := testenv.NATS(t), filepath.Join(t.TempDir(), "gateway")
	gateway := startProcess(t, "gateway", "--listen", "127.0.0.1:0", "--nats", nats, "--store", testenv.Postgres(t), "--data", data)
	p := &platform{t: t, url: gateway.await("Slipway is ready at "), data: data}
	p.key = adminKey(t, data)
	startInvoker(t, nats, t.TempDir(), "one")
	testenv.Eventually(t, 10*time.Second, func() error {
		if len(p.invokers(t)) == 0 {
			return fmt.Errorf("the gateway knows no invoker")
		}
		return nil
	})
	return p
}

// example compiles a program of examples/ and gives the folder that holds it, as
// bootstrap; so it can be run here, and deployed without being compiled once more.
func example(t *testing.T, module, program string) string {
	t.Helper()
	dir := t.TempDir()
	build := exec.Command("go", "build", "-trimpath", "-o", filepath.Join(dir, "bootstrap"), program)
	build.Dir, build.Env = filepath.Join("../../examples", module), append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("compile %s: %v\n%s", program, err, out)
	}
	return dir
}

func (p *platform) configure(t *testing.T, function, config string) {
	t.Helper()
	if res, body := p.api("PUT", "/v1/functions/"+function, config); res.StatusCode >= 300 {
		t.Fatalf("%s: %s", res.Status, body)
	}
}

// TestGRPC has a real client call a real server in every way there is.
func TestGRPC(t *testing.T) {
	server, client := example(t, "go-grpc", "."), example(t, "go-grpc", "./client")
	eachForm(t, func(t *testing.T, p *platform) {
		p.configure(t, "greeter", `{"scaling":{"concurrency":200,"max":1}}`)
		p.deploy(server, "greeter")
		call := exec.Command(filepath.Join(client, "bootstrap"), strings.TrimPrefix(p.url, "http://"), "greeter.localhost")
		if out, err := call.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		// The server speaks nothing else; who calls it otherwise is given HTTP/2 all the same.
		res, body := p.event("GET", "/fn/greeter/", "")
		if res.StatusCode == http.StatusBadGateway || res.StatusCode == http.StatusOK {
			t.Errorf("a request that is no call of gRPC got %s: %s", res.Status, body)
		}
	})
}

package testenv

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

const natsModule = "github.com/nats-io/nats-server/v2"

// NATS starts a real nats-server with JetStream for this test and gives its URL. The
// program is built from the version that go.mod names and kept in the user's cache.
func NATS(t testing.TB) string {
	t.Helper()
	Require(t, "go")
	program, err := natsProgram()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := makeDir("nats", nil)
	if err != nil {
		t.Fatalf("make a folder for nats-server: %v", err)
	}
	g, err := guard(dir, "TERM", nil, program, "--addr=127.0.0.1", "--port=-1", "--ports_file_dir="+dir,
		"--jetstream", "--store_dir="+filepath.Join(dir, "jetstream"))
	if err != nil {
		t.Fatal(errors.Join(err, os.RemoveAll(dir)))
	}
	t.Cleanup(g.stop)
	var url string
	Eventually(t, startTimeout, func() error {
		if url, err = natsURL(dir); err != nil {
			return err
		}
		return natsReady(strings.TrimPrefix(url, "nats://"))
	})
	return url
}

// natsURL reads where the server listens, which chose a port for itself.
func natsURL(dir string) (string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.ports"))
	if err != nil || len(files) == 0 {
		return "", fmt.Errorf("nats-server has not written its port yet")
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		return "", err
	}
	var ports struct{ NATS []string }
	if err := json.Unmarshal(b, &ports); err != nil {
		return "", err
	}
	if len(ports.NATS) == 0 {
		return "", fmt.Errorf("nats-server listens nowhere: %s", b)
	}
	return ports.NATS[0], nil
}

// natsReady reads the greeting of the protocol, which says whether JetStream runs:
// https://docs.nats.io/reference/reference-protocols/nats-protocol#info
func natsReady(address string) error {
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	info, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil && !strings.Contains(info, `"jetstream":true`) {
		err = fmt.Errorf("JetStream does not run yet: %s", info)
	}
	return err
}

// natsProgram builds nats-server once per process, or finds what was built before.
var natsProgram = sync.OnceValues(buildNATS)

func buildNATS() (string, error) {
	version, err := exec.Command("go", "list", "-m", "-f", "{{.Version}}", natsModule).Output()
	if err != nil {
		return "", fmt.Errorf("find the version of %s in go.mod: %w", natsModule, err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	dir := filepath.Join(cache, "slipway-test")
	path := filepath.Join(dir, fmt.Sprintf("nats-server-%s-%s", strings.TrimSpace(string(version)), runtime.Version()))
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make a folder for nats-server: %w", err)
	}
	return path, buildTo(path)
}

// buildTo puts the program into place in one step: other test processes may do the same
// now, or run it.
func buildTo(path string) error {
	part := fmt.Sprintf("%s.%d", path, os.Getpid())
	build := exec.Command("go", "build", "-o", part, natsModule)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if err := run(build); err != nil {
		return err
	}
	return os.Rename(part, path)
}

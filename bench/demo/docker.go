package main

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// dockerResult is `docker run` of the same Go program, for comparison.
type dockerResult struct {
	cold []time.Duration
	why  string // there is no figure
}

func (r dockerResult) String() string {
	if r.why != "" {
		return "not measured: " + r.why
	}
	return fmt.Sprintf("\t\t%s\t", round(median(r.cold)))
}

const dockerImage = "slipway-demo-peer"

// measureDocker runs the Go example with the Docker engine of this machine, if there
// is one, and times from `docker run -d` to the first answer.
func measureDocker(ctx context.Context, rounds int) dockerResult {
	if err := exec.CommandContext(ctx, "docker", "info").Run(); err != nil {
		return dockerResult{why: "no Docker engine here"}
	}
	if err := importDockerImage(ctx); err != nil {
		return dockerResult{why: err.Error()}
	}
	defer exec.Command("docker", "image", "rm", "-f", dockerImage).Run()
	var r dockerResult
	for range rounds {
		took, err := dockerRun(ctx)
		if err != nil {
			return dockerResult{why: err.Error()}
		}
		r.cold = append(r.cold, took)
	}
	return r
}

// importDockerImage compiles the example and makes an image of the one file.
func importDockerImage(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "slipway-demo-docker-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(dir, "app"), ".")
	build.Dir, build.Env = "examples/go-http", append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("compile: %s", out)
	}
	program, err := os.ReadFile(filepath.Join(dir, "app"))
	if err != nil {
		return err
	}
	var archive bytes.Buffer
	t := tar.NewWriter(&archive)
	t.WriteHeader(&tar.Header{Name: "app", Mode: 0o755, Size: int64(len(program))})
	t.Write(program)
	if err := t.Close(); err != nil {
		return err
	}
	load := exec.CommandContext(ctx, "docker", "import", "-c", "CMD [\"/app\"]", "-c", "ENV PORT=8080", "-", dockerImage)
	load.Stdin = &archive
	if out, err := load.CombinedOutput(); err != nil {
		return fmt.Errorf("docker import: %s", bytes.TrimSpace(out))
	}
	return nil
}

func dockerRun(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	out, err := exec.CommandContext(ctx, "docker", "run", "-d", "-p", "127.0.0.1:0:8080", dockerImage).Output()
	if err != nil {
		return 0, fmt.Errorf("docker run: %w", err)
	}
	id := strings.TrimSpace(string(out))
	defer exec.Command("docker", "rm", "-f", id).Run()
	port, err := exec.CommandContext(ctx, "docker", "port", id, "8080/tcp").Output()
	if err != nil {
		return 0, fmt.Errorf("docker port: %w", err)
	}
	address, _, _ := strings.Cut(strings.TrimSpace(string(port)), "\n")
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		if res, err := http.Get("http://" + address + "/"); err == nil {
			res.Body.Close()
			return time.Since(began), nil
		}
	}
	return 0, fmt.Errorf("docker run: no answer within 10s")
}

package main

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// peer is a container engine of this machine, used by its command line.
type peer struct {
	name   string
	run    func(id, port string) []string // the command that starts the program in the background
	end    func(id string) []string
	remove func()
}

func (p *peer) once(ctx context.Context) (time.Duration, error) {
	port := freePort()
	id := "slipway-cold-" + port
	run := p.run(id, port)
	began := time.Now()
	if err := quietly(ctx, run); err != nil {
		return 0, err
	}
	err := awaitAnswer(ctx, dialHost("127.0.0.1:"+port))
	took := time.Since(began)
	if endErr := quietly(context.WithoutCancel(ctx), p.end(id)); err == nil {
		err = endErr
	}
	return took, err
}

// quietly runs a command. What it says goes to a file, because a program that goes on
// in the background would keep a pipe open.
func quietly(ctx context.Context, args []string) error {
	said, err := os.CreateTemp("", "slipway-cold-said-")
	if err != nil {
		return err
	}
	defer os.Remove(said.Name())
	defer said.Close()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(said.Name())
		return fmt.Errorf("%s: %w: %s", args[0], err, bytes.TrimSpace(text))
	}
	return nil
}

// newRunc makes a bundle from runc's own example, with the host's network.
func newRunc(ctx context.Context, program, dir string) (*peer, error) {
	runc, err := exec.LookPath("runc")
	if err != nil {
		return nil, fmt.Errorf("runc (not installed)")
	}
	bundle := filepath.Join(dir, "bundle")
	if err := os.Mkdir(bundle, 0o755); err != nil {
		return nil, err
	}
	if err := quietly(ctx, []string{runc, "spec", "--bundle", bundle}); err != nil {
		return nil, err
	}
	p := &peer{
		name: "runc run -d, host network",
		run: func(id, port string) []string {
			if err := writeSpec(bundle, filepath.Dir(program), "/"+filepath.Base(program), port); err != nil {
				return []string{"false", err.Error()}
			}
			return []string{runc, "run", "-d", "--bundle", bundle, id}
		},
		end:    func(id string) []string { return []string{runc, "delete", "-f", id} },
		remove: func() {},
	}
	if _, err := p.once(ctx); err != nil {
		return nil, fmt.Errorf("runc (%w)", err)
	}
	return p, nil
}

// writeSpec changes what runc's example says about the program and its network.
func writeSpec(bundle, root, program, port string) error {
	file := filepath.Join(bundle, "config.json")
	doc, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var spec struct {
		Version  string           `json:"ociVersion"`
		Process  map[string]any   `json:"process"`
		Root     map[string]any   `json:"root"`
		Hostname string           `json:"hostname"`
		Mounts   []map[string]any `json:"mounts"`
		Linux    map[string]any   `json:"linux"`
	}
	if err := json.Unmarshal(doc, &spec); err != nil {
		return err
	}
	spec.Process["terminal"], spec.Process["args"], spec.Process["env"] = false, []string{program}, []string{"PORT=" + port}
	spec.Root["path"] = root
	var kept []any
	for _, ns := range spec.Linux["namespaces"].([]any) {
		if ns.(map[string]any)["type"] != "network" {
			kept = append(kept, ns)
		}
	}
	spec.Linux["namespaces"] = kept
	if doc, err = json.Marshal(spec); err != nil {
		return err
	}
	return os.WriteFile(file, doc, 0o644)
}

func newPodman(ctx context.Context, program, _ string) (*peer, error) {
	return newEngine(ctx, "podman", program)
}

func newDocker(ctx context.Context, program, _ string) (*peer, error) {
	return newEngine(ctx, "docker", program)
}

// newEngine imports the program as an image, and starts it once to see that it works.
func newEngine(ctx context.Context, engine, program string) (*peer, error) {
	const image = "slipway-cold-peer"
	if _, err := exec.LookPath(engine); err != nil {
		return nil, fmt.Errorf("%s (not installed)", engine)
	}
	if err := quietly(ctx, []string{engine, "info"}); err != nil {
		return nil, fmt.Errorf("%s (its engine does not answer)", engine)
	}
	archive, err := archiveOf(program)
	if err != nil {
		return nil, err
	}
	load := exec.CommandContext(ctx, engine, "import", "-c", `CMD ["/bootstrap"]`, "-c", "ENV PORT=8080", "-", image)
	load.Stdin = archive
	if said, err := load.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s (import: %s)", engine, bytes.TrimSpace(said))
	}
	p := &peer{
		name: engine + " run -d -p",
		run: func(id, port string) []string {
			return []string{engine, "run", "-d", "--name", id, "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024", "-p", "127.0.0.1:" + port + ":8080", image}
		},
		end:    func(id string) []string { return []string{engine, "rm", "-f", id} },
		remove: func() { _ = quietly(context.Background(), []string{engine, "rmi", "-f", image}) },
	}
	if _, err := p.once(ctx); err != nil {
		p.remove()
		return nil, fmt.Errorf("%s (%w)", engine, err)
	}
	return p, nil
}

// archiveOf is a tar of one file.
func archiveOf(program string) (*bytes.Buffer, error) {
	content, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	var archive bytes.Buffer
	t := tar.NewWriter(&archive)
	if err := t.WriteHeader(&tar.Header{Name: filepath.Base(program), Mode: 0o755, Size: int64(len(content))}); err != nil {
		return nil, err
	}
	if _, err := t.Write(content); err != nil {
		return nil, err
	}
	return &archive, t.Close()
}

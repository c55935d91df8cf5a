package rig

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// newPodman prefers runc, because crun refuses machines that have control groups of both
// versions.
func newPodman(ctx context.Context, program, _ string) (*Peer, error) {
	if _, err := exec.LookPath("runc"); err == nil {
		return newEngine(ctx, program, "podman", "--runtime", "runc")
	}
	return newEngine(ctx, program, "podman")
}

func newDocker(ctx context.Context, program, _ string) (*Peer, error) {
	return newEngine(ctx, program, "docker")
}

// newEngine starts the program once to see that it works.
func newEngine(ctx context.Context, program, engine string, flags ...string) (*Peer, error) {
	image, remove, err := Import(ctx, engine, program)
	if err != nil {
		return nil, fmt.Errorf("%s (%w)", engine, err)
	}
	p := &Peer{
		Name: engine + " run -d -p",
		run: func(id, port string) ([]string, error) {
			return slices.Concat([]string{engine}, flags, []string{"run", "-d", "--name", id, "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024", "-p", "127.0.0.1:" + port + ":8080", image}), nil
		},
		end:    func(id string) []string { return []string{engine, "rm", "-f", id} },
		pause:  func(id string) []string { return []string{engine, "pause", id} },
		resume: func(id string) []string { return []string{engine, "unpause", id} },
		remove: remove,
	}
	if err := p.try(ctx); err != nil {
		p.remove()
		return nil, fmt.Errorf("%s (%w)", engine, err)
	}
	return p, nil
}

// Import makes an image of a static program that is named bootstrap, with podman or docker.
func Import(ctx context.Context, engine, program string) (image string, remove func(), err error) {
	image = "slipway-bench-peer"
	if _, err := exec.LookPath(engine); err != nil {
		return "", nil, errors.New("not installed")
	}
	if err := Quietly(ctx, engine, "info"); err != nil {
		return "", nil, errors.New("its engine does not answer")
	}
	archive, err := archiveOf(program)
	if err != nil {
		return "", nil, err
	}
	load := exec.CommandContext(ctx, engine, "import", "-c", `CMD ["/bootstrap"]`, "-c", "ENV PORT=8080", "-", image)
	load.Stdin = archive
	if said, err := load.CombinedOutput(); err != nil {
		return "", nil, fmt.Errorf("import: %s", bytes.TrimSpace(said))
	}
	return image, func() { _ = Quietly(context.Background(), engine, "rmi", "-f", image) }, nil
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

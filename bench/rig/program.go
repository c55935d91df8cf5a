package rig

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// Compile makes a static program named bootstrap below dir, in a folder of its own that
// can be a layer, and be deployed.
func Compile(ctx context.Context, source, dir string) (string, error) {
	out := filepath.Join(dir, "program", "bootstrap")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", out, ".")
	build.Dir, build.Env = source, append(os.Environ(), "CGO_ENABLED=0")
	if said, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("compile %s: %w: %s", source, err, said)
	}
	return out, nil
}

// Process is the program without any isolation.
type Process struct{ cmd *exec.Cmd }

// StartProcess executes the program.
func StartProcess(program, port string) (*Process, error) {
	cmd := exec.Command(program)
	cmd.Env = []string{"PORT=" + port}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return &Process{cmd}, cmd.Start()
}

// Stop kills the program.
func (p *Process) Stop() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait() // it was killed
}

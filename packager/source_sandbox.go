package packager

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	slipway "github.com/slipway-run/slipway"
)

// The bounds of one tool's run. A compiler that needs more is not meant for this machine.
const (
	toolTime     = 10 * time.Minute
	toolMemoryMB = 4096
	toolDiskMB   = 4096
	toolPIDs     = 1024
)

// tool is a compiler or package manager that runs on a user's source, in a sandbox: it
// may run code of that source.
type tool struct {
	name   string // for messages
	layers []string
	mounts []slipway.Mount
	args   []string
	env    []string
	dir    string
	quiet  bool // what it prints is of no interest unless it fails
}

// toolError is that a tool ended badly; its output is in the build's log.
type toolError struct {
	tool  string
	exit  slipway.Exit
	lines []string // the first it printed
}

func (e *toolError) Error() string {
	if len(e.lines) == 0 {
		return fmt.Sprintf("%s: %s", e.tool, e.exit)
	}
	return e.tool + ": " + strings.Join(e.lines, "\n")
}

// runTool runs t to its end and emits what it prints. When it did not succeed, the
// error is ErrInvalid with a toolError: it is the source that it did not like.
func (p *Packager) runTool(ctx context.Context, t tool, emit emitter) error {
	limited, cancel := context.WithTimeout(ctx, toolTime)
	defer cancel()
	exit, lines, err := p.runSandbox(limited, t, emit)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case limited.Err() != nil:
		return slipway.Errorf(slipway.ErrInvalid, "%s: it did not end within %s", t.name, toolTime)
	case err != nil:
		return wrap(t.name, err)
	case !exit.Success():
		return slipway.Errorf(slipway.ErrInvalid, "%w", &toolError{t.name, exit, lines})
	}
	return nil
}

func (p *Packager) runSandbox(ctx context.Context, t tool, emit emitter) (slipway.Exit, []string, error) {
	if err := p.lend(t.mounts); err != nil {
		return slipway.Exit{}, nil, err
	}
	box, err := p.launcher.Create(ctx, slipway.SandboxSpec{
		ID: "build-" + slipway.NewID(), Hostname: "build", Layers: t.layers, Mounts: t.mounts,
		Args: t.args, Env: t.env, Dir: t.dir,
		MemoryMB: toolMemoryMB, EphemeralMB: toolDiskMB, PIDs: toolPIDs,
		Network: slipway.NetworkEgress, Isolation: "native",
	})
	if err != nil {
		return slipway.Exit{}, nil, err
	}
	defer box.Close()
	r, w, err := os.Pipe()
	if err != nil {
		return slipway.Exit{}, nil, err
	}
	defer r.Close()
	err = box.Start(ctx, slipway.Stdio{Stdout: w, Stderr: w})
	_ = w.Close()
	if err != nil {
		return slipway.Exit{}, nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = box.Close() })
	defer stop()
	lines := relay(r, t.quiet, emit)
	<-box.Done()
	return box.Exit(), lines, nil
}

// relay emits each line and returns the first few.
func relay(r io.Reader, quiet bool, emit emitter) []string {
	const (
		most    = 10
		longest = 4 << 10
	)
	var first []string
	lines := bufio.NewReaderSize(r, longest)
	for {
		// A longer line comes in pieces, so that memory stays bounded.
		line, err := lines.ReadSlice('\n')
		if len(line) > 0 {
			printed := strings.ToValidUTF8(strings.TrimRight(string(line), "\r\n"), "�")
			if !quiet {
				emit.text(printed)
			}
			if len(first) < most {
				first = append(first, printed)
			}
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return first
		}
	}
}

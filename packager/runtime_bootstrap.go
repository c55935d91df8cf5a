package packager

import (
	"bytes"
	"context"
	"debug/elf"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	slipway "github.com/slipway-run/slipway"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// buildBootstrap packs an executable as it is. A static program needs nothing below
// it; a script gets the base of its interpreter, anything else a small system with a
// shell, curl and the C library.
func (p *Packager) buildBootstrap(ctx context.Context, src *source) (recipe, error) {
	file := filepath.Join(src.dir, "bootstrap")
	info, err := os.Stat(file)
	if err != nil || !info.Mode().IsRegular() {
		return recipe{}, slipway.Errorf(slipway.ErrInvalid, "runtime bootstrap: there is no file bootstrap at the top of the source")
	}
	// Some tools lose modes; that it is to be executed has been said.
	if err := os.Chmod(file, 0o755); err != nil {
		return recipe{}, err
	}
	kind, err := bootstrapBase(file)
	if err != nil {
		return recipe{}, err
	}
	made := recipe{entrypoint: []string{"/" + taskDir + "/bootstrap"}, env: []string{"LAMBDA_TASK_ROOT=/" + taskDir}}
	if kind == "" {
		scaffold, err := p.scaffold(ctx)
		if err != nil {
			return recipe{}, err
		}
		made.layers = []v1.Layer{scaffold}
	} else {
		below, err := p.base(ctx, kind, src.emit)
		if err != nil {
			return recipe{}, err
		}
		made.base = below.image
	}
	code, err := p.codeLayer(ctx, src)
	made.layers = append(made.layers, code)
	return made, err
}

// bootstrapBase is the base that an executable needs; "" is none.
func bootstrapBase(file string) (baseKind, error) {
	program, err := readELF(file)
	if err == nil {
		if program.machine != hostMachine() {
			return "", slipway.Errorf(slipway.ErrInvalid, "bootstrap is a program for %s, this machine is %s: compile it for linux/%s", program.machine, hostMachine(), runtime.GOARCH)
		}
		if program.static {
			return "", nil
		}
		return baseShell, nil
	}
	line := firstLine(file)
	switch {
	case !strings.HasPrefix(line, "#!"):
		return "", slipway.Errorf(slipway.ErrInvalid, "bootstrap is neither a program for Linux nor a script: its first line must be #! and the interpreter, as in #!/bin/sh")
	case strings.Contains(line, "python"):
		return basePython, nil
	case strings.Contains(line, "node"):
		return baseNode, nil
	default:
		return baseShell, nil
	}
}

func firstLine(file string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	head := make([]byte, 256)
	n, _ := f.Read(head)
	line, _, _ := bytes.Cut(head[:n], []byte("\n"))
	return string(line)
}

// elfFacts is what matters of a program.
type elfFacts struct {
	machine elf.Machine
	static  bool // it asks for no interpreter, so it is not linked to libraries
}

func readELF(file string) (elfFacts, error) {
	f, err := elf.Open(file)
	if err != nil {
		return elfFacts{}, err
	}
	defer f.Close()
	facts := elfFacts{machine: f.Machine, static: true}
	for _, prog := range f.Progs {
		if prog.Type == elf.PT_INTERP {
			facts.static = false
		}
	}
	return facts, nil
}

func hostMachine() elf.Machine {
	if runtime.GOARCH == "arm64" {
		return elf.EM_AARCH64
	}
	return elf.EM_X86_64
}

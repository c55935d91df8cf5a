package packager

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	slipway "github.com/slipway-run/slipway"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Where the parts of a Python function are in its image.
const (
	runtimeDir = "var/runtime"
	pythonDeps = "opt/python"
)

// compileAbove is how much source is worth compiling when it is deployed: that takes a
// sandbox, and a few small modules compile faster than that at every start.
const compileAbove = 128 << 10

// buildPython puts code, dependencies and bootstrap on top of a base with Python.
func (p *Packager) buildPython(ctx context.Context, src *source) (recipe, error) {
	find := findPythonHandler
	if src.program {
		find = findPythonProgram
	}
	if err := find(src); err != nil {
		return recipe{}, err
	}
	below, err := p.base(ctx, basePython, src.emit)
	if err != nil {
		return recipe{}, err
	}
	made := recipe{
		base: below.image, cmd: []string{src.handler},
		entrypoint: []string{"python3", "/" + runtimeDir + "/bootstrap.py"},
		env:        []string{"PYTHONPATH=/" + taskDir + ":/" + pythonDeps, "PYTHONDONTWRITEBYTECODE=1", "LANG=C.UTF-8", "LAMBDA_TASK_ROOT=/" + taskDir},
	}
	steps := []func(context.Context, *source, base) (v1.Layer, error){p.pythonBootstrap, p.pythonDependencies, p.pythonCode}
	if src.program {
		made.entrypoint, made.cmd = []string{"python3", "-u", "/" + taskDir + "/" + src.handler}, nil
		steps = steps[1:]
	}
	for _, step := range steps {
		layer, err := step(ctx, src, below)
		if err != nil {
			return recipe{}, err
		}
		if layer != nil {
			made.layers = append(made.layers, layer)
		}
	}
	return made, nil
}

// findPythonHandler decides what is run when the configuration does not say it: the
// first of these files that is there.
func findPythonHandler(src *source) error {
	if src.handler != "" {
		return nil
	}
	for _, c := range []struct{ file, handler string }{
		{"handler.py", "handler.handler"},
		{"app.py", "app:app"},
		{"lambda_function.py", "lambda_function.lambda_handler"},
		{"main.py", "main.py"},
	} {
		if src.has(c.file) {
			src.find(c.handler)
			return nil
		}
	}
	modules, err := filepath.Glob(filepath.Join(src.dir, "*.py"))
	if err != nil {
		return err
	}
	if len(modules) == 1 {
		src.find(strings.TrimSuffix(filepath.Base(modules[0]), ".py") + ".handler")
		return nil
	}
	return slipway.Errorf(slipway.ErrInvalid, "python: there is no handler.py, app.py, lambda_function.py or main.py at the top of the source, and not just one *.py; say which function to call with handler: module.function (or --handler), module:app for a WSGI or ASGI application, or file.py for a program that listens on $PORT")
}

func (p *Packager) pythonBootstrap(ctx context.Context, src *source, below base) (v1.Layer, error) {
	dir := filepath.Join(src.work, "runtime")
	if err := os.CopyFS(dir, p.cfg.Python); err != nil {
		return nil, wrap("unpack the bootstrap", err)
	}
	digest, err := folderDigest(dir)
	if err != nil {
		return nil, err
	}
	return p.cachedLayer(ctx, cacheKey("python-bootstrap", below.digest, digest), func(ctx context.Context) (v1.Layer, error) {
		p.compilePython(ctx, src, below, dir, runtimeDir)
		files, err := folderFiles(runtimeDir, dir)
		if err != nil {
			return nil, err
		}
		return p.addFiles(ctx, files)
	})
}

func (p *Packager) pythonCode(ctx context.Context, src *source, below base) (v1.Layer, error) {
	if sizeOf(src.dir, ".py") > compileAbove {
		src.emit.step("compile")
		p.compilePython(ctx, src, below, src.dir, taskDir)
	}
	return p.codeLayer(ctx, src)
}

// compilePython puts bytecode beside the modules of a folder that an image has at
// target. Bytecode is found by a hash that is not checked at run time, so that it is
// the same whenever it is made, and costs nothing. A module that does not compile is
// left for the check of the version, which says more about it.
func (p *Packager) compilePython(ctx context.Context, src *source, below base, dir, target string) {
	layers, err := p.unpacked(ctx, below)
	if err == nil {
		err = p.runTool(ctx, tool{
			name: "compile", layers: layers, quiet: true, dir: "/",
			mounts: []slipway.Mount{{Source: dir, Target: "/" + target}},
			args:   []string{"python3", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "/" + target},
			env:    append(slices.Clone(below.env), "PYTHONHASHSEED=0"),
		}, src.emit)
	}
	if err != nil {
		p.log.Debug("python modules not compiled ahead", "err", err)
	}
}

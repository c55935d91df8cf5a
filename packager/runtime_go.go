package packager

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	slipway "github.com/slipway-run/slipway"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Where a compilation finds things in its sandbox.
const (
	goRoot   = "/usr/local/go"
	goSource = "/src"
	goOutput = "/out"
	goTemp   = "/tmp"
	goCaches = "/go"
	goBinary = "main"
)

// buildGo compiles a module with this machine's toolchain into an image from scratch.
//
// The module and build caches are shared by all tenants: the go command runs nothing
// of the source (no cgo, no generate, no toolexec), and checks modules against go.sum.
func (p *Packager) buildGo(ctx context.Context, src *source) (recipe, error) {
	chain, err := findGo(ctx)
	if err != nil {
		return recipe{}, err
	}
	pkg, err := mainPackage(src.dir, src.handler)
	if err != nil {
		return recipe{}, err
	}
	src.emit.step("compile")
	src.emit.text(fmt.Sprintf("%s build %s", chain.Version, pkg))
	out := filepath.Join(src.work, "out")
	if err := p.compileGo(ctx, src, chain, pkg, out); err != nil {
		return recipe{}, err
	}
	src.emit.step("layer")
	scaffold, err := p.scaffold(ctx)
	if err != nil {
		return recipe{}, err
	}
	binary, err := hostFile(taskDir+"/"+goBinary, filepath.Join(out, goBinary), 0o755)
	if err != nil {
		return recipe{}, slipway.Errorf(slipway.ErrInvalid, "compile: package %s made no program: %w", pkg, err)
	}
	program, err := p.addFiles(ctx, []layerFile{binary})
	if err != nil {
		return recipe{}, err
	}
	env := []string{"PATH=/" + taskDir + ":/usr/local/bin:/usr/bin:/bin"}
	return recipe{layers: []v1.Layer{scaffold, program}, env: env, entrypoint: []string{"/" + taskDir + "/" + goBinary}}, nil
}

// goChain is a Go toolchain of this machine, in the words of `go env`.
type goChain struct {
	Root    string `json:"GOROOT"`
	Version string `json:"GOVERSION"`
	Proxy   string `json:"GOPROXY"`
	SumDB   string `json:"GOSUMDB"`
	NoSumDB string `json:"GONOSUMDB"`
	NoProxy string `json:"GONOPROXY"`
	Private string `json:"GOPRIVATE"`
}

func findGo(ctx context.Context) (goChain, error) {
	var chain goChain
	const missing = "Go is not installed on this machine (no go in PATH): install it, or deploy an image"
	program, err := exec.LookPath("go")
	if err != nil {
		return chain, slipway.Errorf(slipway.ErrUnavailable, missing)
	}
	cmd := exec.CommandContext(ctx, program, "env", "-json", "GOROOT", "GOVERSION", "GOPROXY", "GOSUMDB", "GONOSUMDB", "GONOPROXY", "GOPRIVATE")
	cmd.Dir = "/" // away from any go.mod, which could ask for another toolchain
	var words bytes.Buffer
	cmd.Stderr = &words
	raw, err := cmd.Output()
	if err != nil {
		return chain, fmt.Errorf("go env: %w: %s", err, bytes.TrimSpace(words.Bytes()))
	}
	if err := json.Unmarshal(raw, &chain); err != nil {
		return chain, fmt.Errorf("go env: %w", err)
	}
	return chain, nil
}

func (p *Packager) compileGo(ctx context.Context, src *source, chain goChain, pkg, out string) error {
	root, temp := filepath.Join(src.work, "root"), filepath.Join(src.work, "tmp")
	cache := filepath.Join(p.cfg.CacheDir, "go")
	for _, dir := range []string{root, temp, out, filepath.Join(cache, "mod"), filepath.Join(cache, "build")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return p.store.diskError("compile", err)
		}
	}
	mounts := []slipway.Mount{
		{Source: chain.Root, Target: goRoot, ReadOnly: true},
		{Source: src.dir, Target: goSource},
		{Source: out, Target: goOutput},
		{Source: temp, Target: goTemp},
		{Source: cache, Target: goCaches},
	}
	err := p.runTool(ctx, tool{
		name: "compile", layers: []string{root}, mounts: append(mounts, goLibraries(chain)...), dir: goSource,
		args: []string{goRoot + "/bin/go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", goOutput + "/" + goBinary, pkg},
		env: []string{
			"PATH=" + goRoot + "/bin", "HOME=" + goTemp, "TMPDIR=" + goTemp, "GOROOT=" + goRoot,
			"GOPATH=" + goTemp + "/go", "GOMODCACHE=" + goCaches + "/mod", "GOCACHE=" + goCaches + "/build",
			"CGO_ENABLED=0", "GOTOOLCHAIN=local", "GOENV=off", "GOFLAGS=", "GOTELEMETRY=off",
			"GOPROXY=" + chain.Proxy, "GOSUMDB=" + chain.SumDB, "GONOSUMDB=" + chain.NoSumDB,
			"GONOPROXY=" + chain.NoProxy, "GOPRIVATE=" + chain.Private,
		},
	}, src.emit)
	return err
}

// goLibraries are what the toolchain needs of this machine: certificates to fetch
// modules, and the C library when a distribution has linked it to that.
func goLibraries(chain goChain) []slipway.Mount {
	var mounts []slipway.Mount
	if bundle := caBundle(); bundle != "" {
		mounts = append(mounts, slipway.Mount{Source: bundle, Target: caTarget, ReadOnly: true})
	}
	if program, err := readELF(filepath.Join(chain.Root, "bin", "go")); err == nil && !program.static {
		for _, dir := range []string{"/lib", "/lib64", "/usr/lib"} {
			if real, err := filepath.EvalSymlinks(dir); err == nil {
				mounts = append(mounts, slipway.Mount{Source: real, Target: dir, ReadOnly: true})
			}
		}
	}
	return mounts
}

// isMain says whether a folder has a package main.
func isMain(dir string) bool {
	pkg, err := goContext().ImportDir(dir, 0)
	return err == nil && pkg.IsCommand()
}

// commands are the folders below dir with a package main, relative to it.
func commands(dir string) ([]string, error) {
	var found []string
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return err
		}
		if name != dir && skippedByGo(name, e.Name()) {
			return filepath.SkipDir
		}
		if isMain(name) {
			rel, err := filepath.Rel(dir, name)
			if err != nil {
				return err
			}
			found = append(found, "./"+filepath.ToSlash(rel))
		}
		return nil
	})
	return found, err
}

// skippedByGo are folders that ./... leaves out, and those with a module of their own.
func skippedByGo(path, base string) bool {
	if base == "vendor" || base == "testdata" || base[0] == '.' || base[0] == '_' {
		return true
	}
	_, err := os.Stat(filepath.Join(path, "go.mod"))
	return err == nil
}

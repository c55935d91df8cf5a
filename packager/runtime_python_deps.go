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

const requirements = "requirements.txt"

// pythonDependencies is the layer with what requirements.txt asks for; nil when it
// asks for nothing. It is made once for the same text, base and tenant.
func (p *Packager) pythonDependencies(ctx context.Context, src *source, below base) (v1.Layer, error) {
	raw, err := os.ReadFile(filepath.Join(src.dir, requirements))
	if os.IsNotExist(err) || err == nil && !asksForAnything(string(raw)) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	parts := []string{src.tenant, below.digest, string(raw)}
	if refersToFiles(string(raw)) {
		digest, err := folderDigest(src.dir)
		if err != nil {
			return nil, err
		}
		parts = append(parts, digest)
	}
	src.emit.step("dependencies")
	return p.cachedLayer(ctx, cacheKey("python-dependencies", parts...), func(ctx context.Context) (v1.Layer, error) {
		return p.pipInstall(ctx, src)
	})
}

func (p *Packager) pipInstall(ctx context.Context, src *source) (v1.Layer, error) {
	builder, layers, err := p.builderBase(ctx, basePythonBuilder, src.emit)
	if err != nil {
		return nil, err
	}
	target := filepath.Join(src.work, "dependencies")
	mounts, err := p.toolMounts(src, "pip", target, "/"+pythonDeps)
	if err != nil {
		return nil, err
	}
	err = p.runTool(ctx, tool{
		name: "pip install", layers: layers, dir: "/" + taskDir, mounts: mounts,
		args: []string{"python3", "-m", "pip", "install", "--no-input", "--no-compile", "--disable-pip-version-check",
			"--root-user-action=ignore", "--progress-bar=off", "--target", "/" + pythonDeps, "-r", requirements},
		env: append(slices.Clone(builder.env), "HOME=/tmp", "PIP_CACHE_DIR=/cache", "PIP_CERT="+caTarget, "LANG=C.UTF-8"),
	}, src.emit)
	if err != nil {
		return nil, err
	}
	p.compilePython(ctx, src, builder, target, pythonDeps)
	files, err := folderFiles(pythonDeps, target)
	if err != nil {
		return nil, err
	}
	return p.addFiles(ctx, files)
}

// toolMounts are the folders of a package manager: the source, its cache, which
// belongs to the tenant because installing runs code of packages, and the target.
func (p *Packager) toolMounts(src *source, name, target, at string) ([]slipway.Mount, error) {
	cache := filepath.Join(p.cfg.CacheDir, name, src.tenant)
	for _, dir := range []string{cache, target} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, p.store.diskError("install dependencies", err)
		}
	}
	mounts := []slipway.Mount{
		{Source: src.dir, Target: "/" + taskDir, ReadOnly: true},
		{Source: cache, Target: "/cache"},
		{Source: target, Target: at},
	}
	if bundle := caBundle(); bundle != "" {
		mounts = append(mounts, slipway.Mount{Source: bundle, Target: caTarget, ReadOnly: true})
	}
	return mounts, nil
}

func asksForAnything(text string) bool {
	return slices.ContainsFunc(strings.Split(text, "\n"), func(line string) bool {
		line = strings.TrimSpace(line)
		return line != "" && !strings.HasPrefix(line, "#")
	})
}

// refersToFiles says whether a requirement is a file or folder of the source, on which
// what is installed then depends too.
func refersToFiles(text string) bool {
	return slices.ContainsFunc(strings.Split(text, "\n"), func(line string) bool {
		line = strings.TrimSpace(line)
		return strings.HasPrefix(line, "-") || strings.HasPrefix(line, ".") || strings.HasPrefix(line, "/") ||
			strings.Contains(line, "file:") || strings.HasSuffix(line, ".whl") || strings.HasSuffix(line, ".tar.gz")
	})
}

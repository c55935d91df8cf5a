package packager

import (
	"context"
	"os"
	"path/filepath"

	slipway "github.com/slipway-run/slipway"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// taskDir is where a function's code is in its image, as on AWS Lambda.
const taskDir = "var/task"

// emitter takes the events of a build.
type emitter func(slipway.BuildEvent)

func (e emitter) step(name string) { e(slipway.BuildEvent{Step: name}) }
func (e emitter) text(line string) { e(slipway.BuildEvent{Text: line}) }

// source is one unpacked upload on its way to an image.
type source struct {
	dir     string // the code, as /var/task will have it
	work    string // a folder of the build's own, removed at its end
	tenant  string
	runtime slipway.Runtime
	handler string // as configured, or as found
	found   bool   // handler was found, not configured
	program bool   // it is run to its end by jobs, without a bootstrap
	emit    emitter
}

// recipe is what a runtime makes of a source: an image is base, or nothing, with
// layers on top.
type recipe struct {
	base       v1.Image // nil: from scratch
	layers     []v1.Layer
	env        []string // added to the base's
	entrypoint []string
	cmd        []string
}

// buildSource makes the image of an uploaded source folder.
func (p *Packager) buildSource(ctx context.Context, req slipway.BuildRequest, emit emitter) (slipway.BuildResult, error) {
	src, done, err := p.openSource(ctx, req, emit)
	defer done()
	if err != nil {
		return slipway.BuildResult{}, err
	}
	builders := map[slipway.Runtime]func(context.Context, *source) (recipe, error){
		slipway.RuntimeGo: p.buildGo, slipway.RuntimePython: p.buildPython,
		slipway.RuntimeNode: p.buildNode, slipway.RuntimeBootstrap: p.buildBootstrap,
	}
	made, err := builders[src.runtime](ctx, src)
	if err != nil {
		return slipway.BuildResult{}, err
	}
	img, err := made.image(src)
	if err != nil {
		return slipway.BuildResult{}, wrap("make image", err)
	}
	digest, err := p.store.AddImage(ctx, img)
	if err != nil {
		return slipway.BuildResult{}, err
	}
	result := slipway.BuildResult{Digest: digest, Runtime: src.runtime}
	if src.found {
		result.Handler = src.handler
	}
	return result, nil
}

// openSource unpacks the upload and finds out what it is. done removes what was
// unpacked, also after an error.
func (p *Packager) openSource(ctx context.Context, req slipway.BuildRequest, emit emitter) (_ *source, done func(), err error) {
	emit.step("unpack")
	work, err := p.store.tempDir()
	if err != nil {
		return nil, func() {}, err
	}
	done = func() { _ = os.RemoveAll(work) }
	dir, err := p.unpackSource(ctx, req.Blob, filepath.Join(work, "source"))
	if err != nil {
		return nil, done, wrap("source", err)
	}
	cfg, err := sourceConfig(dir, req.Config)
	if err != nil {
		return nil, done, err
	}
	if err := removeIgnored(dir); err != nil {
		return nil, done, wrap("source", err)
	}
	src := &source{dir: dir, work: work, tenant: req.Version.Tenant, runtime: cfg.Runtime, handler: cfg.Handler, program: req.Program, emit: emit}
	if src.runtime, err = findRuntime(dir, cfg.Runtime); err != nil {
		return nil, done, err
	}
	emit.text("runtime: " + string(src.runtime))
	return src, done, nil
}

func (p *Packager) unpackSource(ctx context.Context, blob, dir string) (string, error) {
	f, size, err := p.store.upload(ctx, blob)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", p.store.diskError("unpack", err)
	}
	if err := extract(ctx, dir, f, size, extractLimits{Bytes: p.cfg.MaxUnpacked, Files: p.cfg.MaxFiles}); err != nil {
		return "", err
	}
	return stripTop(dir)
}

// stripTop goes into a folder that has nothing beside it, which is how many tools
// pack a folder.
func stripTop(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	if len(entries) == 1 && entries[0].IsDir() {
		return filepath.Join(dir, entries[0].Name()), nil
	}
	return dir, nil
}

// find notes a handler that the configuration did not name.
func (s *source) find(handler string) {
	s.handler, s.found = handler, true
	s.emit.text("handler: " + handler)
}

func (s *source) has(name string) bool {
	_, err := os.Stat(filepath.Join(s.dir, name))
	return err == nil
}

// image puts the layers of a recipe together. What could differ between two builds of
// the same source, times above all, is left out.
func (r recipe) image(src *source) (v1.Image, error) {
	base := r.base
	if base == nil {
		base = mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	}
	img, err := mutate.AppendLayers(base, r.layers...)
	if err != nil {
		return nil, err
	}
	file, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	platform := host()
	file.OS, file.Architecture, file.Created, file.History = platform.OS, platform.Architecture, v1.Time{}, nil
	cfg := &file.Config
	cfg.Env = mergeEnv(cfg.Env, r.env)
	cfg.Entrypoint, cfg.Cmd, cfg.WorkingDir, cfg.User = r.entrypoint, r.cmd, "/"+taskDir, ""
	if cfg.Labels == nil {
		cfg.Labels = map[string]string{}
	}
	cfg.Labels[labelRuntime] = string(src.runtime)
	if src.found {
		cfg.Labels[labelHandler] = src.handler
	}
	return mutate.ConfigFile(img, file)
}

package packager

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	slipway "github.com/slipway-run/slipway"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Config says how source is built.
type Config struct {
	// CacheDir is the absolute folder of what later builds can use again: base images,
	// build and module caches.
	CacheDir string
	// PythonBase and NodeBase are references of the images below python and node
	// functions; "" is python:3.13-slim and node:22-slim. When the registry cannot be
	// reached, a base is made once from packages of Debian.
	PythonBase, NodeBase string
	// Suite is the release of Debian for that; "" is the newest that can be had.
	Suite string
	// Python and Node are the bootstraps that go to /var/runtime.
	Python, Node fs.FS
	// MaxUnpacked is how many bytes an archive of source may unpack to; 0 is 2 GiB.
	MaxUnpacked int64
	// MaxFiles is how many entries an archive of source may have; 0 is 200,000.
	MaxFiles int
}

// Packager turns source and images into images of the store. Build may be called from
// several goroutines.
type Packager struct {
	cfg      Config
	store    *Store
	launcher slipway.Launcher
	registry http.RoundTripper // to registries
	log      *slog.Logger
}

// New makes a packager that keeps its images in store and runs compilers and package
// managers in sandboxes of launcher.
func New(cfg Config, store *Store, launcher slipway.Launcher, log *slog.Logger) (*Packager, error) {
	if !filepath.IsAbs(cfg.CacheDir) {
		return nil, slipway.Errorf(slipway.ErrInvalid, "packager: the cache folder %q is not an absolute path", cfg.CacheDir)
	}
	return &Packager{cfg: cfg, store: store, launcher: launcher, registry: registryTransport(), log: log}, nil
}

// Build makes the image that req asks for, keeps it and publishes it. It tells emit
// what happens as it happens; emit must not block for long, and Build does not call it
// after it returned. The result's Protocol is left for the check of the version.
// Errors that are the user's fault are ErrInvalid or ErrTooLarge.
func (p *Packager) Build(ctx context.Context, req slipway.BuildRequest, emit func(slipway.BuildEvent)) (slipway.BuildResult, error) {
	stamped := func(e slipway.BuildEvent) {
		if e.At.IsZero() {
			e.At = time.Now()
		}
		emit(e)
	}
	result, err := p.build(ctx, req, stamped)
	if err != nil {
		return slipway.BuildResult{}, err
	}
	if p.store.upstream != nil {
		stamped(slipway.BuildEvent{Step: "publish"})
	}
	if err := p.store.Publish(ctx, result.Digest); err != nil {
		return slipway.BuildResult{}, err
	}
	if result.Image == "" {
		result.Image = fmt.Sprintf("%s/%s@%s", req.Version.Tenant, req.Version.Function, result.Digest)
	}
	p.log.Info("image built", "function", req.Version.Function, "version", req.Version.Version,
		"input", req.Input, "runtime", result.Runtime, "image", result.Image)
	return result, nil
}

func (p *Packager) build(ctx context.Context, req slipway.BuildRequest, emit func(slipway.BuildEvent)) (slipway.BuildResult, error) {
	switch req.Input {
	case slipway.InputSource:
		return p.buildSource(ctx, req, emit)
	case slipway.InputArchive:
		return p.buildArchive(ctx, req, emit)
	case slipway.InputReference:
		return p.buildReference(ctx, req, emit)
	case slipway.InputDigest:
		return p.buildDigest(ctx, req)
	default:
		return slipway.BuildResult{}, slipway.Errorf(slipway.ErrInvalid, "a build cannot start from %q", req.Input)
	}
}

// buildArchive takes the image out of an uploaded archive.
func (p *Packager) buildArchive(ctx context.Context, req slipway.BuildRequest, emit func(slipway.BuildEvent)) (slipway.BuildResult, error) {
	emit(slipway.BuildEvent{Step: "unpack"})
	digest, err := p.archived(ctx, req.Blob, emit)
	if err != nil {
		return slipway.BuildResult{}, p.store.diskError("image archive", err)
	}
	return slipway.BuildResult{Digest: digest, Runtime: slipway.RuntimeImage}, nil
}

// archived keeps the image of an archive and returns its digest.
func (p *Packager) archived(ctx context.Context, blob string, emit func(slipway.BuildEvent)) (string, error) {
	f, size, err := p.store.upload(ctx, blob)
	if err != nil {
		return "", err
	}
	defer f.Close()
	img, done, err := p.store.openArchive(ctx, f, size)
	defer done()
	if err != nil {
		return "", err
	}
	if err := checkImage(img); err != nil {
		return "", err
	}
	emit(slipway.BuildEvent{Step: "layer"})
	return p.keep(ctx, img, emit)
}

// buildReference pulls an image. The result names it as it was deployed.
func (p *Packager) buildReference(ctx context.Context, req slipway.BuildRequest, emit func(slipway.BuildEvent)) (slipway.BuildResult, error) {
	emit(slipway.BuildEvent{Step: "layer", Text: "pulling " + req.Reference})
	img, err := p.pull(ctx, req.Reference, emit)
	if err != nil {
		return slipway.BuildResult{}, err
	}
	digest, err := img.Digest()
	if err != nil {
		return slipway.BuildResult{}, wrap("image "+req.Reference, err)
	}
	return slipway.BuildResult{
		Image: withDigest(req.Reference, digest), Digest: digest.String(), Runtime: slipway.RuntimeImage,
	}, nil
}

// buildDigest takes the image of an earlier version as it is. What it was made from is
// in its labels.
func (p *Packager) buildDigest(ctx context.Context, req slipway.BuildRequest) (slipway.BuildResult, error) {
	img, err := p.store.Image(ctx, req.Digest)
	if err != nil {
		return slipway.BuildResult{}, err
	}
	if err := checkImage(img); err != nil {
		return slipway.BuildResult{}, wrap("image "+req.Digest, err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		return slipway.BuildResult{}, wrap("image "+req.Digest, err)
	}
	result := slipway.BuildResult{Digest: req.Digest, Runtime: slipway.RuntimeImage}
	if made := config.Config.Labels[labelRuntime]; made != "" {
		result.Runtime = slipway.Runtime(made)
		result.Handler = config.Config.Labels[labelHandler]
	}
	return result, nil
}

// keep stores an image and reports progress.
func (p *Packager) keep(ctx context.Context, img v1.Image, emit func(slipway.BuildEvent)) (string, error) {
	progress, err := newProgress(img, emit)
	if err != nil {
		return "", err
	}
	return p.store.addImage(ctx, img, progress.add)
}

// withDigest is a reference that names exactly the image that it was resolved to.
func withDigest(reference string, digest v1.Hash) string {
	name, _, _ := strings.Cut(strings.TrimSpace(reference), "@")
	return name + "@" + digest.String()
}

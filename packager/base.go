package packager

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	slipway "github.com/slipway-run/slipway"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// baseKind names an image that functions are put on top of.
type baseKind string

// The kinds of base. The builders have a package manager besides, and only come into
// being when dependencies have to be installed.
const (
	basePython        baseKind = "python"
	basePythonBuilder baseKind = "python-builder"
	baseNode          baseKind = "node"
	baseNodeBuilder   baseKind = "node-builder"
	baseShell         baseKind = "shell"
)

// base is an image of the store to build on.
type base struct {
	image  v1.Image
	digest string
	env    []string
}

// baseSource says where a kind of base comes from.
type baseSource struct {
	reference string   // in a registry
	said      bool     // the reference was configured
	packages  []string // of Debian, for when the registry cannot be reached
	tool      []string // prints the version
}

func (p *Packager) baseSource(kind baseKind) baseSource {
	system := []string{"base-files", "dash", "tzdata"}
	and := func(packages ...string) []string { return append(packages, system...) }
	switch kind {
	case basePython:
		return baseSource{orDefault(p.cfg.PythonBase, "python:3.13-slim"), p.cfg.PythonBase != "", and("python3-minimal", "libpython3-stdlib"), []string{"python3", "--version"}}
	case basePythonBuilder:
		return baseSource{packages: and("python3-pip", "coreutils"), tool: []string{"python3", "--version"}}
	case baseNode:
		return baseSource{orDefault(p.cfg.NodeBase, "node:22-slim"), p.cfg.NodeBase != "", and("nodejs"), []string{"node", "--version"}}
	case baseNodeBuilder:
		return baseSource{packages: and("npm", "coreutils"), tool: []string{"node", "--version"}}
	default:
		return baseSource{orDefault("", "buildpack-deps:stable-curl"), false, and("bash", "coreutils", "curl", "findutils", "grep", "mawk", "sed"), []string{"bash", "--version"}}
	}
}

func orDefault(said, otherwise string) string {
	if said == "" {
		return otherwise
	}
	return said
}

// base is the image to build on: from the registry when that can be reached, else
// made once from packages of Debian. It says in the log which.
func (p *Packager) base(ctx context.Context, kind baseKind, emit emitter) (base, error) {
	emit.step("base")
	from := p.baseSource(kind)
	digest, about, err := p.pulledBase(ctx, kind, from, emit)
	if err != nil {
		if from.said && !errors.Is(err, slipway.ErrUnavailable) {
			return base{}, err
		}
		reason := err
		if digest, about, err = p.debianBase(ctx, kind, from, emit); err != nil {
			return base{}, &slipway.Error{Kind: slipway.ErrUnavailable, Cause: err,
				Message: fmt.Sprintf("base for %s: %v; and making one: %v", kind, reason, err)}
		}
	}
	emit.text("base: " + about)
	return p.openBase(ctx, digest)
}

// builderBase is base's counterpart with a package manager, and its unpacked layers.
// An image from a registry has one itself.
func (p *Packager) builderBase(ctx context.Context, kind baseKind, emit emitter) (base, []string, error) {
	runtimeKind := map[baseKind]baseKind{basePythonBuilder: basePython, baseNodeBuilder: baseNode}[kind]
	from := p.baseSource(kind)
	digest, about, err := p.pulledBase(ctx, runtimeKind, p.baseSource(runtimeKind), emit)
	if err != nil {
		if digest, about, err = p.debianBase(ctx, kind, from, emit); err != nil {
			return base{}, nil, err
		}
	}
	emit.text("installing with: " + about)
	b, err := p.openBase(ctx, digest)
	if err != nil {
		return base{}, nil, err
	}
	layers, err := p.unpacked(ctx, b)
	return b, layers, err
}

func (p *Packager) openBase(ctx context.Context, digest string) (base, error) {
	img, err := p.store.Image(ctx, digest)
	if err != nil {
		return base{}, wrap("base", err)
	}
	file, err := img.ConfigFile()
	if err != nil {
		return base{}, wrap("base", err)
	}
	return base{image: img, digest: digest, env: file.Config.Env}, nil
}

// unpacked are the folders of a base's layers.
func (p *Packager) unpacked(ctx context.Context, b base) ([]string, error) {
	img, err := p.store.Prepare(ctx, b.digest)
	return img.Layers, err
}

func (p *Packager) basesDir(name ...string) string {
	return filepath.Join(append([]string{p.cfg.CacheDir, "bases"}, name...)...)
}

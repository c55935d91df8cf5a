package packager

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	slipway "github.com/slipway-run/slipway"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// withBytecode puts the bytecode of Python's own library on top of a base: packages
// bring none, it is made when they are configured. Without it every cold start would
// compile what it imports.
func (p *Packager) withBytecode(ctx context.Context, digest string, emit emitter) (string, error) {
	below, err := p.openBase(ctx, digest)
	if err != nil {
		return "", err
	}
	layers, err := p.unpacked(ctx, below)
	if err != nil {
		return "", err
	}
	library, err := pythonLibrary(layers)
	if err != nil || library == "" {
		return digest, err
	}
	work, err := p.store.tempDir()
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(work)
	dir := filepath.Join(work, "library")
	if err := os.CopyFS(dir, os.DirFS(library)); err != nil {
		return "", p.store.diskError("copy Python's library", err)
	}
	target := "usr/lib/" + filepath.Base(library)
	err = p.runTool(ctx, tool{
		name: "compile Python's library", layers: layers, quiet: true, dir: "/",
		mounts: []slipway.Mount{{Source: dir, Target: "/" + target}},
		args:   []string{"python3", "-m", "compileall", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash", "/" + target},
		env:    append(slices.Clone(below.env), "PYTHONHASHSEED=0"),
	}, emit)
	if err != nil {
		return "", err
	}
	layer, err := p.bytecodeLayer(ctx, target, dir)
	if err != nil {
		return "", err
	}
	img, err := mutate.AppendLayers(below.image, layer)
	if err != nil {
		return "", err
	}
	return p.store.AddImage(ctx, img)
}

// pythonLibrary is where the layers have it; "" when they do not.
func pythonLibrary(layers []string) (string, error) {
	for _, layer := range layers {
		found, err := filepath.Glob(filepath.Join(layer, "usr/lib/python3.*"))
		if err != nil {
			return "", err
		}
		if len(found) > 0 {
			return found[0], nil
		}
	}
	return "", nil
}

func (p *Packager) bytecodeLayer(ctx context.Context, target, dir string) (v1.Layer, error) {
	files, err := folderFiles(target, dir)
	if err != nil {
		return nil, err
	}
	bytecode := slices.DeleteFunc(files, func(f layerFile) bool {
		return f.mode.Type() == fs.ModeDir || !strings.HasSuffix(f.name, ".pyc")
	})
	return p.addFiles(ctx, bytecode)
}

package packager

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// cacheKey names what depends on all of its parts and nothing else.
func cacheKey(kind string, parts ...string) string {
	h := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return kind + "-" + hex.EncodeToString(h.Sum(nil))
}

// cachedLayer is the layer that was made for key before, or that make makes now. The
// cache holds digests; a layer that has left the store is made again.
func (p *Packager) cachedLayer(ctx context.Context, key string, make func(context.Context) (v1.Layer, error)) (v1.Layer, error) {
	name := filepath.Join(p.cfg.CacheDir, "layers", key)
	if layer := p.rememberedLayer(name); layer != nil {
		return layer, nil
	}
	// Two builds at once make it once.
	err := p.store.flights.do(ctx, "make "+key, func(ctx context.Context) error {
		if p.rememberedLayer(name) != nil {
			return nil
		}
		layer, err := make(ctx)
		if err != nil {
			return err
		}
		h, err := layer.Digest()
		if err != nil {
			return err
		}
		return writeRecord(name, h.String())
	})
	if err != nil {
		return nil, err
	}
	if layer := p.rememberedLayer(name); layer != nil {
		return layer, nil
	}
	return nil, fmt.Errorf("layer %s: it was made but is not in the store", key)
}

func (p *Packager) rememberedLayer(name string) v1.Layer {
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil
	}
	h, err := parseDigest(string(raw))
	if err != nil {
		return nil
	}
	f, size, err := p.store.openLocal(h)
	if err != nil {
		return nil
	}
	_ = f.Close()
	desc := v1.Descriptor{MediaType: types.OCIUncompressedLayer, Digest: h, Size: size}
	layer, err := partial.CompressedToLayer(&storedLayer{store: p.store, desc: desc, diffID: h})
	if err != nil {
		return nil
	}
	return layer
}

// writeRecord writes a small file so that a reader sees all of it or nothing.
func writeRecord(name, content string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".record-")
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, content)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// folderDigest stands for everything in a folder: names, modes and content.
func folderDigest(dir string) (string, error) {
	files, err := folderFiles("", dir)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	if err := writeLayer(h, files[1:]); err != nil { // the first is the folder itself
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

package packager

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sys/unix"
)

// cacheKey names what depends on all of its parts and nothing else.
func cacheKey(kind string, parts ...string) string {
	h := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return kind + "-" + hex.EncodeToString(h.Sum(nil))
}

// made is the record of what was made for a key. It is kept with the store that has
// what it names: several stores may share a cache folder.
func (p *Packager) made(key string) string { return filepath.Join(p.store.dir, "made", key) }

// cachedLayer is the layer that was made for key before, or that build makes now. The
// record holds its digest; a layer that has left the store is made again.
func (p *Packager) cachedLayer(ctx context.Context, key string, build func(context.Context) (v1.Layer, error)) (v1.Layer, error) {
	name := p.made(key)
	if layer := p.rememberedLayer(name); layer != nil {
		return layer, nil
	}
	// Two builds at once make it once.
	unlock, err := lockFile(ctx, name+".lock")
	if err != nil {
		return nil, err
	}
	defer unlock()
	if layer := p.rememberedLayer(name); layer != nil {
		return layer, nil
	}
	layer, err := build(ctx)
	if err != nil {
		return nil, err
	}
	h, err := layer.Digest()
	if err != nil {
		return nil, err
	}
	return layer, writeRecord(name, h.String())
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

// lockFile waits until nobody else, of any process, holds the lock of that name. The
// kernel gives a lock back when its holder dies.
func lockFile(ctx context.Context, name string) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, err
	}
	retry := time.NewTicker(50 * time.Millisecond)
	defer retry.Stop()
	for {
		switch err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); {
		case err == nil:
			return func() { _ = f.Close() }, nil
		case !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR):
			_ = f.Close()
			return nil, fmt.Errorf("lock %s: %w", name, err)
		}
		select {
		case <-ctx.Done():
			_ = f.Close()
			return nil, context.Cause(ctx)
		case <-retry.C:
		}
	}
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

package packager

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
)

// A base that was made is kept as an OCI image layout, <cache>/bases/<kind>-<suite>-<architecture>,
// with a file that says in words what it is. A store that does not have it copies it
// from there.

// aboutFile is that file: the digest, and below it the words.
const aboutFile = "about"

// cachedBase is the base in the cache, brought into the store; "" when there is none.
func (p *Packager) cachedBase(ctx context.Context, kind baseKind, suite string) (digest, about string, err error) {
	dir := p.baseCache(kind, suite)
	raw, err := os.ReadFile(filepath.Join(dir, aboutFile))
	if errors.Is(err, fs.ErrNotExist) {
		return "", "", nil
	}
	if err != nil {
		return "", "", wrap("read base", err)
	}
	digest, about, _ = strings.Cut(string(raw), "\n")
	if _, err := p.store.Image(ctx, digest); err == nil {
		return digest, about, nil
	}
	h, err := parseDigest(digest)
	if err != nil {
		return "", "", wrap("read base", err)
	}
	img, err := layout.Path(dir).Image(h)
	if err != nil {
		return "", "", wrap("read base in "+dir, err)
	}
	if _, err := p.store.AddImage(ctx, img); err != nil {
		return "", "", wrap("read base in "+dir, err)
	}
	return digest, about, nil
}

// cacheBase keeps a base that was made. The caller has the lock of its kind. It is
// written beside its place and renamed: what a killed process leaves is never used.
func (p *Packager) cacheBase(ctx context.Context, kind baseKind, suite, digest, about string) error {
	img, err := p.store.Image(ctx, digest)
	if err != nil {
		return wrap("keep base", err)
	}
	dir := p.baseCache(kind, suite)
	partial := dir + ".partial"
	if err := errors.Join(os.RemoveAll(partial), os.RemoveAll(dir)); err != nil {
		return wrap("keep base", err)
	}
	if err := writeBase(partial, img, digest+"\n"+about); err != nil {
		return diskError("keep base", p.cfg.CacheDir, errors.Join(err, os.RemoveAll(partial)))
	}
	return diskError("keep base", p.cfg.CacheDir, os.Rename(partial, dir))
}

func writeBase(dir string, img v1.Image, about string) error {
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	if err := path.AppendImage(img); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, aboutFile), []byte(about), 0o600)
}

func (p *Packager) baseCache(kind baseKind, suite string) string {
	return p.basesDir(string(kind) + "-" + suite + "-" + host().Architecture)
}

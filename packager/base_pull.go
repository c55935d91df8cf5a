package packager

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"

	slipway "github.com/slipway-run/slipway"

	"github.com/google/go-containerregistry/pkg/name"
)

const (
	// registryPatience is how long a registry has to say what a reference stands for.
	registryPatience = 4 * time.Second
	// registryPause is how long one that did not is left alone.
	registryPause = 15 * time.Minute
	// baseAge is how long a tag is taken for what it was.
	baseAge = 24 * time.Hour
)

// pulledBase is a base from a registry: its digest, and words about it. Records say what a tag stood for lately, and that a registry could not be
// reached, so that builds do not wait for that again.
func (p *Packager) pulledBase(ctx context.Context, kind baseKind, from baseSource, emit emitter) (digest, about string, err error) {
	ref, err := name.ParseReference(from.reference)
	if err != nil {
		return "", "", slipway.Errorf(slipway.ErrInvalid, "base for %s: %q is not a reference to an image", kind, from.reference)
	}
	record := p.made(cacheKey("pulled", from.reference))
	down := p.basesDir(cacheKey("unreachable", ref.Context().RegistryStr()))
	if digest := p.rememberedImage(ctx, record, baseAge); digest != "" {
		return digest, from.reference + " (" + digest + ")", nil
	}
	if isYounger(down, registryPause) {
		err = slipway.Errorf(slipway.ErrUnavailable, "image %s: registry %s could not be reached lately", from.reference, ref.Context().RegistryStr())
	} else {
		digest, err = p.pullBase(ctx, ref, from.reference, emit)
	}
	if err == nil {
		return digest, from.reference + " (" + digest + ")", writeRecord(record, digest)
	}
	if ctx.Err() != nil {
		return "", "", context.Cause(ctx)
	}
	// What the tag was before is better than nothing.
	if digest := p.rememberedImage(ctx, record, 0); digest != "" {
		return digest, from.reference + " (" + digest + ", not checked: the registry cannot be reached)", nil
	}
	if errors.Is(err, slipway.ErrUnavailable) {
		_ = writeRecord(down, "") // a hint: without it the next build waits too
	}
	return "", "", err
}

func (p *Packager) pullBase(ctx context.Context, ref name.Reference, reference string, emit emitter) (string, error) {
	quick, cancel := context.WithTimeout(ctx, registryPatience)
	defer cancel()
	if _, err := p.remoteImage(quick, ref); err != nil {
		if quick.Err() != nil && ctx.Err() == nil {
			return "", slipway.Errorf(slipway.ErrUnavailable, "image %s: registry %s does not answer", reference, ref.Context().RegistryStr())
		}
		return "", registryError(ref, err)
	}
	emit.text("pulling " + reference)
	img, err := p.pull(ctx, reference, emit)
	if err != nil {
		return "", err
	}
	h, err := img.Digest()
	return h.String(), err
}

// rememberedImage is the digest in a record that is young enough (0: of any age), when
// the image is still in the store.
func (p *Packager) rememberedImage(ctx context.Context, record string, age time.Duration) string {
	if age > 0 && !isYounger(record, age) {
		return ""
	}
	raw, err := os.ReadFile(record)
	if err != nil {
		return ""
	}
	digest, _, _ := strings.Cut(string(raw), "\n")
	if _, err := p.store.Image(ctx, digest); err != nil {
		return ""
	}
	return digest
}

func isYounger(file string, age time.Duration) bool {
	info, err := os.Stat(file)
	return err == nil && time.Since(info.ModTime()) < age
}

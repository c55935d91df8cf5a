package packager

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"time"

	slipway "github.com/slipway-run/slipway"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// pull brings an image from a registry into the store: a reference as in docker pull,
// with the credentials of the usual docker configuration (config.json in
// $DOCKER_CONFIG or ~/.docker, credential helpers included). What the store has of
// it is not fetched again.
func (p *Packager) pull(ctx context.Context, reference string, emit func(slipway.BuildEvent)) (v1.Image, error) {
	ref, err := name.ParseReference(strings.TrimSpace(reference))
	if err != nil {
		return nil, slipway.Errorf(slipway.ErrInvalid, "image %s: that is not a reference to an image, as in docker.io/library/nginx:1.29 or registry.example/app@sha256:…", quote(reference))
	}
	img, err := p.remoteImage(ctx, ref)
	if err != nil {
		return nil, registryError(ref, err)
	}
	if err := checkImage(img); err != nil {
		return nil, registryError(ref, err)
	}
	digest, err := p.keep(ctx, img, emit)
	if err != nil {
		return nil, registryError(ref, err)
	}
	return p.store.Image(ctx, digest)
}

// registryTransport is http.DefaultTransport, proxies of the environment included, for
// one who waits: a registry that does not take the connection in 5 s is not there.
// Attempts are repeated twice (remote's default).
func registryTransport() http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	return t
}

// remoteImage reads the manifest; the rest is read when it is asked for.
func (p *Packager) remoteImage(ctx context.Context, ref name.Reference) (v1.Image, error) {
	desc, err := remote.Get(ref,
		remote.WithContext(ctx),
		remote.WithAuthFromKeychain(authn.DefaultKeychain),
		remote.WithTransport(p.registry),
		remote.WithUserAgent("slipway"),
	)
	if err != nil {
		return nil, err
	}
	switch {
	case desc.MediaType.IsImage():
		return desc.Image()
	case desc.MediaType.IsIndex():
		return p.fromIndex(desc)
	default:
		return nil, slipway.Errorf(slipway.ErrInvalid, "it is of type %q, which is not an image that can run", desc.MediaType)
	}
}

func (p *Packager) fromIndex(desc *remote.Descriptor) (v1.Image, error) {
	index, err := desc.ImageIndex()
	if err != nil {
		return nil, err
	}
	for range maxNesting {
		manifest, err := index.IndexManifest()
		if err != nil {
			return nil, err
		}
		chosen, err := choose(manifest.Manifests)
		if err != nil {
			return nil, err
		}
		if !chosen.MediaType.IsIndex() {
			return index.Image(chosen.Digest)
		}
		if index, err = index.ImageIndex(chosen.Digest); err != nil {
			return nil, err
		}
	}
	return nil, slipway.Errorf(slipway.ErrInvalid, "more than %d indexes stand above each other", maxNesting)
}

// registryError translates what went wrong with a registry: whether the user named
// something that is not there or may not be read, or the registry cannot be used now.
func registryError(ref name.Reference, err error) error {
	act := "image " + ref.String()
	host := ref.Context().RegistryStr()
	var (
		known    *slipway.Error
		answer   *transport.Error
		diskPath *fs.PathError
	)
	switch {
	case errors.As(err, &known), errors.As(err, &diskPath), stopped(err):
		return wrap(act, err)
	case !errors.As(err, &answer):
		return slipway.Errorf(slipway.ErrUnavailable, "%s: registry %s cannot be reached: %w", act, host, err)
	}
	switch answer.StatusCode {
	case http.StatusNotFound:
		return slipway.Errorf(slipway.ErrInvalid, "%s: registry %s does not have it; check its name and tag", act, host)
	case http.StatusUnauthorized, http.StatusForbidden:
		return slipway.Errorf(slipway.ErrInvalid, "%s: registry %s refuses access, or does not have it; run docker login %s as the user that Slipway runs as: %w", act, host, host, err)
	default:
		return slipway.Errorf(slipway.ErrUnavailable, "%s: registry %s cannot answer now: %w", act, host, err)
	}
}

package packager

import (
	"context"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Publish sends an image upstream: its layers, its configuration and, when all of
// that is there, its manifest. What is there already is not sent. Nothing happens
// without an upstream.
func (s *Store) Publish(ctx context.Context, digest string) error {
	if s.upstream == nil {
		return nil
	}
	rec, err := s.record(ctx, digest)
	if err != nil {
		return err
	}
	blobs := []v1.Hash{rec.manifest.Config.Digest}
	for _, layer := range rec.manifest.Layers {
		blobs = append(blobs, layer.Digest)
	}
	if err := each(ctx, blobs, s.publish); err != nil {
		return wrap("publish image "+digest, err)
	}
	return wrap("publish image "+digest, s.publish(ctx, rec.digest))
}

func (s *Store) publish(ctx context.Context, h v1.Hash) error {
	there, err := s.upstream.Has(ctx, h.String())
	if there || err != nil {
		return err
	}
	f, size, err := s.openLocal(h)
	if err != nil {
		return err
	}
	defer f.Close()
	return s.upstream.Put(ctx, h.String(), size, contextReader{ctx, f})
}

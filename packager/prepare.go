package packager

import (
	"context"
	"slices"

	slipway "github.com/slipway-run/slipway"
)

// Prepare makes an image ready to run: what is missing is fetched from upstream, and
// each layer is unpacked once, however many ask for it. An image that was prepared
// before costs a look at its folders.
func (s *Store) Prepare(ctx context.Context, digest string) (slipway.Image, error) {
	if img, ok := s.ready(digest); ok {
		return img, nil
	}
	rec, err := s.record(ctx, digest)
	if err != nil {
		return slipway.Image{}, err
	}
	dirs, err := s.layers(ctx, rec)
	if err != nil {
		return slipway.Image{}, wrap("image "+digest, err)
	}
	img := toImage(digest, lastOfEach(dirs), rec.config.Config)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prepared[digest] = img
	return clone(img), nil
}

// layers are the folders of an image's layers, lowest first.
func (s *Store) layers(ctx context.Context, rec *record) ([]string, error) {
	dirs := make([]string, len(rec.manifest.Layers))
	numbers := make([]int, len(dirs))
	for i := range numbers {
		numbers[i] = i
	}
	return dirs, each(ctx, numbers, func(ctx context.Context, i int) (err error) {
		dirs[i], err = s.layer(ctx, rec.manifest.Layers[i], rec.config.RootFS.DiffIDs[i])
		return err
	})
}

// ready is an image that was prepared before and whose folders are all there.
func (s *Store) ready(digest string) (slipway.Image, bool) {
	s.mu.Lock()
	img, ok := s.prepared[digest]
	s.mu.Unlock()
	if !ok {
		return slipway.Image{}, false
	}
	for _, dir := range img.Layers {
		if !exists(dir) {
			return slipway.Image{}, false
		}
	}
	return clone(img), true
}

// clone shares nothing that a caller may append to.
func clone(img slipway.Image) slipway.Image {
	img.Layers = slices.Clip(img.Layers)
	img.Entrypoint, img.Cmd, img.Env = slices.Clip(img.Entrypoint), slices.Clip(img.Cmd), slices.Clip(img.Env)
	return img
}

// lastOfEach drops a layer that comes again higher up: all it holds is decided there,
// and overlayfs refuses the same folder twice.
func lastOfEach(dirs []string) []string {
	var kept []string
	for i, dir := range dirs {
		if !slices.Contains(dirs[i+1:], dir) {
			kept = append(kept, dir)
		}
	}
	return kept
}

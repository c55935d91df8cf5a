package packager

import (
	"bytes"
	"context"
	"io"
	"sync"

	slipway "github.com/slipway-run/slipway"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// maxDocument bounds a manifest or image configuration, which are read into memory.
const maxDocument = 8 << 20

// copies is how many layers are moved or unpacked at the same time for one image.
const copies = 4

// AddLayer keeps an uncompressed layer. It is not compressed: that would cost more
// time than it saves on a machine's own disk, and so its digest is its diff id.
func (s *Store) AddLayer(ctx context.Context, r io.Reader) (v1.Layer, error) {
	var (
		h    v1.Hash
		size int64
	)
	f, err := s.receive(ctx, r, func(sum v1.Hash, n int64) error {
		h, size = sum, n
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := s.adopt(f, h); err != nil {
		return nil, err
	}
	desc := v1.Descriptor{MediaType: types.OCIUncompressedLayer, Digest: h, Size: size}
	return partial.CompressedToLayer(&storedLayer{store: s, desc: desc, diffID: h})
}

// AddImage keeps an image: the layers that are missing, its configuration and, when
// all of that is there, its manifest, whose digest it returns. It is on the disk
// when AddImage returns.
func (s *Store) AddImage(ctx context.Context, img v1.Image) (string, error) {
	return s.addImage(ctx, img, func(int64) {})
}

// addImage is AddImage; progress is told how many bytes of layers have come, and may
// be called by several goroutines.
func (s *Store) addImage(ctx context.Context, img v1.Image, progress func(int64)) (string, error) {
	layers, err := img.Layers()
	if err != nil {
		return "", wrap("read image", err)
	}
	err = each(ctx, layers, func(ctx context.Context, layer v1.Layer) error {
		return s.addLayer(ctx, layer, progress)
	})
	if err != nil {
		return "", err
	}
	config, err := img.RawConfigFile()
	if err != nil {
		return "", wrap("read image configuration", err)
	}
	manifest, err := img.RawManifest()
	if err != nil {
		return "", wrap("read image manifest", err)
	}
	var digest v1.Hash
	for _, document := range [][]byte{config, manifest} {
		if digest, err = s.addDocument(ctx, document); err != nil {
			return "", err
		}
	}
	return digest.String(), s.syncNames()
}

func (s *Store) addLayer(ctx context.Context, layer v1.Layer, progress func(int64)) error {
	h, err := layer.Digest()
	if err != nil {
		return wrap("read layer", err)
	}
	size, err := layer.Size()
	if err != nil {
		return wrap("read layer "+h.String(), err)
	}
	if s.hasLocal(h) {
		progress(size)
		return nil
	}
	r, err := layer.Compressed()
	if err != nil {
		return wrap("read layer "+h.String(), err)
	}
	defer r.Close()
	return wrap("read layer", s.put(ctx, h, size, countingReader{r, progress}))
}

func (s *Store) addDocument(ctx context.Context, document []byte) (v1.Hash, error) {
	h, size, err := v1.SHA256(bytes.NewReader(document))
	if err != nil {
		return v1.Hash{}, err
	}
	return h, s.put(ctx, h, size, bytes.NewReader(document))
}

// Image is an image of the store, with all that belongs to it fetched to this
// machine. ErrNotFound when there is none with that digest.
func (s *Store) Image(ctx context.Context, digest string) (v1.Image, error) {
	rec, err := s.record(ctx, digest)
	if err != nil {
		return nil, err
	}
	err = each(ctx, rec.manifest.Layers, func(ctx context.Context, desc v1.Descriptor) error {
		return s.fetch(ctx, desc.Digest)
	})
	if err != nil {
		return nil, wrap("image "+digest, err)
	}
	return partial.CompressedToImage(&storedImage{store: s, record: rec})
}

// each calls do for every item, a few at a time, and returns the first error; the
// context of the others ends with it.
func each[T any](ctx context.Context, items []T, do func(context.Context, T) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	room := make(chan struct{}, copies)
	for _, item := range items {
		room <- struct{}{}
		wg.Go(func() {
			defer func() { <-room }()
			if err := ctx.Err(); err != nil {
				return
			}
			if err := do(ctx, item); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// record is the two documents of an image.
type record struct {
	digest   v1.Hash
	manifest *v1.Manifest
	config   *v1.ConfigFile

	rawManifest, rawConfig []byte
}

// record reads the documents of an image and checks that they belong together.
func (s *Store) record(ctx context.Context, digest string) (*record, error) {
	h, err := parseDigest(digest)
	if err != nil {
		return nil, err
	}
	rec := &record{digest: h}
	if rec.rawManifest, err = s.document(ctx, h); err != nil {
		return nil, wrap("image "+digest, err)
	}
	if rec.manifest, err = v1.ParseManifest(bytes.NewReader(rec.rawManifest)); err != nil {
		return nil, slipway.Errorf(slipway.ErrInvalid, "image %s: its manifest is not JSON: %w", digest, err)
	}
	if !rec.manifest.Config.MediaType.IsConfig() {
		return nil, slipway.Errorf(slipway.ErrInvalid, "%s is not an image: its configuration is of type %q", digest, rec.manifest.Config.MediaType)
	}
	if rec.rawConfig, err = s.document(ctx, rec.manifest.Config.Digest); err != nil {
		return nil, wrap("image "+digest, err)
	}
	if rec.config, err = v1.ParseConfigFile(bytes.NewReader(rec.rawConfig)); err != nil {
		return nil, slipway.Errorf(slipway.ErrInvalid, "image %s: its configuration is not JSON: %w", digest, err)
	}
	if want, have := len(rec.manifest.Layers), len(rec.config.RootFS.DiffIDs); want != have {
		return nil, slipway.Errorf(slipway.ErrInvalid, "image %s: its manifest has %d layers, its configuration %d", digest, want, have)
	}
	return rec, nil
}

func (s *Store) document(ctx context.Context, h v1.Hash) ([]byte, error) {
	r, size, err := s.Open(ctx, h.String())
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if size > maxDocument {
		return nil, slipway.Errorf(slipway.ErrInvalid, "%s has %d bytes, too many for a manifest or configuration", h, size)
	}
	raw, err := io.ReadAll(r)
	return raw, s.diskError("read blob", err)
}

// storedImage is the core from which go-containerregistry makes a v1.Image.
type storedImage struct {
	store *Store
	*record
}

func (i *storedImage) RawConfigFile() ([]byte, error) { return i.rawConfig, nil }
func (i *storedImage) RawManifest() ([]byte, error)   { return i.rawManifest, nil }

func (i *storedImage) MediaType() (types.MediaType, error) {
	if i.manifest.MediaType == "" { // the field is optional in an OCI manifest
		return types.OCIManifestSchema1, nil
	}
	return i.manifest.MediaType, nil
}

func (i *storedImage) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	if h == i.manifest.Config.Digest {
		return partial.ConfigLayer(i)
	}
	for n, desc := range i.manifest.Layers {
		if desc.Digest == h {
			return &storedLayer{store: i.store, desc: desc, diffID: i.config.RootFS.DiffIDs[n]}, nil
		}
	}
	return nil, slipway.Errorf(slipway.ErrNotFound, "image %s has no layer %s", i.digest, h)
}

// storedLayer is a layer whose blob is on this machine.
type storedLayer struct {
	store  *Store
	desc   v1.Descriptor
	diffID v1.Hash
}

func (l *storedLayer) Digest() (v1.Hash, error)            { return l.desc.Digest, nil }
func (l *storedLayer) DiffID() (v1.Hash, error)            { return l.diffID, nil }
func (l *storedLayer) Size() (int64, error)                { return l.desc.Size, nil }
func (l *storedLayer) MediaType() (types.MediaType, error) { return l.desc.MediaType, nil }
func (l *storedLayer) Descriptor() (*v1.Descriptor, error) { return &l.desc, nil }

func (l *storedLayer) Compressed() (io.ReadCloser, error) {
	f, _, err := l.store.openLocal(l.desc.Digest)
	return f, err
}

package packager

import (
	"bytes"
	"io"

	slipway "github.com/slipway-run/slipway"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// maxNesting is how many indexes may stand above each other.
const maxNesting = 4

// imageInLayout finds the image for this machine in an OCI layout.
func imageInLayout(files *tarIndex) (v1.Image, error) {
	raw, err := files.document("index.json")
	if err != nil {
		return nil, err
	}
	index, err := parseIndex(raw)
	if err != nil {
		return nil, err
	}
	desc, err := only(index.Manifests)
	for level := 0; err == nil && desc.MediaType.IsIndex(); level++ {
		if level == maxNesting {
			return nil, slipway.Errorf(slipway.ErrInvalid, "more than %d indexes stand above each other", maxNesting)
		}
		if raw, err = blobOf(files, desc); err != nil {
			return nil, err
		}
		if index, err = parseIndex(raw); err != nil {
			return nil, err
		}
		desc, err = choose(index.Manifests)
	}
	if err != nil {
		return nil, err
	}
	return layoutImage(files, desc)
}

func parseIndex(raw []byte) (*v1.IndexManifest, error) {
	index, err := v1.ParseIndexManifest(bytes.NewReader(raw))
	if err != nil {
		return nil, slipway.Errorf(slipway.ErrInvalid, "the index of the archive is not JSON as it should be: %w", err)
	}
	return index, nil
}

// only is the one image of a layout's index. An image with several tags is one, and
// so is one that is there for several platforms.
func only(manifests []v1.Descriptor) (v1.Descriptor, error) {
	var images []v1.Descriptor
	names := map[v1.Hash]string{}
	platforms := map[string]bool{}
	for _, m := range manifests {
		if _, again := names[m.Digest]; again || !m.MediaType.IsImage() && !m.MediaType.IsIndex() {
			continue
		}
		names[m.Digest] = nameOf(m)
		images = append(images, m)
		if m.Platform != nil {
			platforms[m.Platform.String()] = true
		}
	}
	switch {
	case len(images) == 1:
		return images[0], nil
	case len(platforms) == len(images): // none at all is for choose to explain
		return choose(images)
	default:
		var all []string
		for _, name := range names {
			all = append(all, name)
		}
		return v1.Descriptor{}, errSeveral(all)
	}
}

// nameOf is what the tool that wrote the layout called an image.
func nameOf(m v1.Descriptor) string {
	for _, key := range []string{"io.containerd.image.name", "org.opencontainers.image.ref.name"} {
		if name := m.Annotations[key]; name != "" {
			return name
		}
	}
	return m.Digest.String()
}

// blobOf reads a small blob of a layout and verifies it.
func blobOf(files *tarIndex, desc v1.Descriptor) ([]byte, error) {
	raw, err := files.document(blobName(desc.Digest))
	if err != nil {
		return nil, err
	}
	if got, _, err := v1.SHA256(bytes.NewReader(raw)); err != nil || got != desc.Digest {
		return nil, slipway.Errorf(slipway.ErrInvalid, "%s of the archive is damaged, its content has the digest %s", blobName(desc.Digest), got)
	}
	return raw, nil
}

func blobName(h v1.Hash) string { return "blobs/" + h.Algorithm + "/" + h.Hex }

func layoutImage(files *tarIndex, desc v1.Descriptor) (v1.Image, error) {
	raw, err := blobOf(files, desc)
	if err != nil {
		return nil, err
	}
	manifest, err := v1.ParseManifest(bytes.NewReader(raw))
	if err != nil {
		return nil, slipway.Errorf(slipway.ErrInvalid, "the image manifest is not JSON as it should be: %w", err)
	}
	config, err := blobOf(files, manifest.Config)
	if err != nil {
		return nil, err
	}
	img := &archiveImage{manifest: raw, config: config, mediaType: desc.MediaType, layers: map[v1.Hash]archiveLayer{}}
	for _, layer := range manifest.Layers {
		content, err := files.open(blobName(layer.Digest))
		if err != nil {
			return nil, err
		}
		img.layers[layer.Digest] = archiveLayer{layer, content}
	}
	return partial.CompressedToImage(img)
}

// archiveImage is the core from which go-containerregistry makes a v1.Image.
type archiveImage struct {
	manifest, config []byte
	mediaType        types.MediaType
	layers           map[v1.Hash]archiveLayer
}

func (i *archiveImage) RawManifest() ([]byte, error)        { return i.manifest, nil }
func (i *archiveImage) RawConfigFile() ([]byte, error)      { return i.config, nil }
func (i *archiveImage) MediaType() (types.MediaType, error) { return i.mediaType, nil }

func (i *archiveImage) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	if layer, ok := i.layers[h]; ok {
		return layer, nil
	}
	return partial.ConfigLayer(i) // the only other blob of an image
}

// archiveLayer is a layer that is read where it lies in the archive.
type archiveLayer struct {
	desc    v1.Descriptor
	content *io.SectionReader
}

func (l archiveLayer) Digest() (v1.Hash, error)            { return l.desc.Digest, nil }
func (l archiveLayer) Size() (int64, error)                { return l.desc.Size, nil }
func (l archiveLayer) MediaType() (types.MediaType, error) { return l.desc.MediaType, nil }

func (l archiveLayer) Compressed() (io.ReadCloser, error) {
	whole := io.NewSectionReader(l.content, 0, l.content.Size()) // with a position of its own
	return io.NopCloser(whole), nil
}

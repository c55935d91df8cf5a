package packager

import (
	"bytes"
	"context"
	"encoding/json"
	"io"

	slipway "github.com/slipway-run/slipway"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// dockerImage is one element of manifest.json in what docker save writes (Docker image
// specification v1.2, "Combined Image JSON + Filesystem Changeset Format").
type dockerImage struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// imageInDockerArchive makes an OCI manifest for the image: the archive has none. The
// same archive always makes the same manifest.
func imageInDockerArchive(ctx context.Context, files *tarIndex) (v1.Image, error) {
	saved, err := savedImage(files)
	if err != nil {
		return nil, err
	}
	config, err := files.document(saved.Config)
	if err != nil {
		return nil, err
	}
	parsed, err := v1.ParseConfigFile(bytes.NewReader(config))
	if err != nil {
		return nil, slipway.Errorf(slipway.ErrInvalid, "%s is not an image configuration: %w", quote(saved.Config), err)
	}
	if len(parsed.RootFS.DiffIDs) != len(saved.Layers) {
		return nil, slipway.Errorf(slipway.ErrInvalid, "manifest.json names %d layers, the image configuration %d", len(saved.Layers), len(parsed.RootFS.DiffIDs))
	}
	digest, size, err := v1.SHA256(bytes.NewReader(config))
	if err != nil {
		return nil, err
	}
	img := &archiveImage{config: config, mediaType: types.OCIManifestSchema1, layers: map[v1.Hash]archiveLayer{}}
	manifest := v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1,
		Config: v1.Descriptor{MediaType: types.OCIConfigJSON, Digest: digest, Size: size},
	}
	for i, name := range saved.Layers {
		layer, err := savedLayer(ctx, files, name, parsed.RootFS.DiffIDs[i])
		if err != nil {
			return nil, err
		}
		manifest.Layers = append(manifest.Layers, layer.desc)
		img.layers[layer.desc.Digest] = layer
	}
	if img.manifest, err = json.Marshal(manifest); err != nil {
		return nil, err
	}
	return partial.CompressedToImage(img)
}

// savedImage is the one image that the archive holds.
func savedImage(files *tarIndex) (*dockerImage, error) {
	raw, err := files.document("manifest.json")
	if err != nil {
		return nil, err
	}
	var images []dockerImage
	if err := json.Unmarshal(raw, &images); err != nil {
		return nil, slipway.Errorf(slipway.ErrInvalid, "manifest.json of the archive is not what docker save writes: %w", err)
	}
	switch len(images) {
	case 0:
		return nil, slipway.Errorf(slipway.ErrInvalid, "manifest.json of the archive names no image")
	case 1:
		return &images[0], nil
	}
	var names []string
	for _, image := range images {
		if len(image.RepoTags) > 0 {
			names = append(names, image.RepoTags[0])
		} else {
			names = append(names, image.Config)
		}
	}
	return nil, errSeveral(names)
}

// savedLayer describes a layer of the archive. docker save leaves layers uncompressed;
// other tools do not.
func savedLayer(ctx context.Context, files *tarIndex, name string, diffID v1.Hash) (archiveLayer, error) {
	content, err := files.open(name)
	if err != nil {
		return archiveLayer{}, err
	}
	head := make([]byte, 4)
	n, err := content.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return archiveLayer{}, err
	}
	desc := v1.Descriptor{MediaType: types.OCIUncompressedLayer, Digest: diffID, Size: content.Size()}
	switch sniff(head[:n]) {
	case formatPlain:
		return archiveLayer{desc, content}, nil // that it has this digest is verified when it is stored
	case formatGzip:
		desc.MediaType = types.OCILayer
	case formatZstd:
		desc.MediaType = types.OCILayerZStd
	default:
		return archiveLayer{}, slipway.Errorf(slipway.ErrInvalid, "layer %s is not a tar", quote(name))
	}
	desc.Digest, _, err = v1.SHA256(contextReader{ctx, io.NewSectionReader(content, 0, content.Size())})
	return archiveLayer{desc, content}, err
}

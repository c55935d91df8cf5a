package packager

import (
	"runtime"
	"slices"
	"strings"

	slipway "github.com/slipway-run/slipway"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// The labels of images made from source. They say to a later build from the digest
// what the image is.
const (
	labelRuntime = "run.slipway.runtime" // a slipway.Runtime
	labelHandler = "run.slipway.handler" // as found, when the configuration named none
)

// toImage is the image as the rest of the platform sees it.
func toImage(digest string, layers []string, config v1.Config) slipway.Image {
	return slipway.Image{
		Digest: digest, Layers: layers,
		Entrypoint: config.Entrypoint, Cmd: config.Cmd, Env: config.Env,
		WorkingDir: config.WorkingDir, User: config.User, Labels: config.Labels,
	}
}

// checkImage refuses what cannot run on this machine: artifacts that are no images,
// images for another platform, without layers, or with layers of an unknown format.
func checkImage(img v1.Image) error {
	manifest, err := img.Manifest()
	if err != nil {
		return invalidUnlessKnown("read its manifest", err)
	}
	if !manifest.Config.MediaType.IsConfig() {
		return slipway.Errorf(slipway.ErrInvalid, "it is an artifact of type %q, not an image that can run", manifest.Config.MediaType)
	}
	config, err := img.ConfigFile()
	if err != nil {
		return invalidUnlessKnown("read its configuration", err)
	}
	if p := config.Platform(); p != nil && !runsHere(*p) {
		return errPlatform(p.String())
	}
	if len(manifest.Layers) != len(config.RootFS.DiffIDs) {
		return slipway.Errorf(slipway.ErrInvalid, "its manifest has %d layers, its configuration %d", len(manifest.Layers), len(config.RootFS.DiffIDs))
	}
	if len(manifest.Layers) == 0 {
		return slipway.Errorf(slipway.ErrInvalid, "it has no layers: there is nothing to run in it")
	}
	for _, layer := range manifest.Layers {
		if !slices.Contains(layerTypes(), layer.MediaType) {
			return slipway.Errorf(slipway.ErrInvalid, "layer %s is of type %q; tar, tar+gzip and tar+zstd can be unpacked", layer.Digest, layer.MediaType)
		}
	}
	return nil
}

// layerTypes are the media types of layers that can be unpacked.
func layerTypes() []types.MediaType {
	return []types.MediaType{
		types.OCILayer, types.OCILayerZStd, types.OCIUncompressedLayer,
		types.OCIRestrictedLayer, types.OCIUncompressedRestrictedLayer,
		types.DockerLayer, types.DockerUncompressedLayer,
		"application/vnd.docker.image.rootfs.diff.tar.zstd", // not registered, but skopeo and buildah write it
	}
}

// invalidUnlessKnown is for errors of parsing what somebody sent.
func invalidUnlessKnown(act string, err error) error {
	if slipway.Code(err) != "internal" {
		return wrap(act, err)
	}
	return slipway.Errorf(slipway.ErrInvalid, "%s: %w", act, err)
}

// host is the platform of this machine.
func host() v1.Platform { return v1.Platform{OS: "linux", Architecture: runtime.GOARCH} }

// runsHere says whether a platform is this machine's. What is left open matches, as
// in images of tools that do not fill it in. Variants (v8, v3) are not looked at: they
// are told apart when there is a choice.
func runsHere(p v1.Platform) bool {
	here := host()
	return (p.OS == "" || p.OS == here.OS) && (p.Architecture == "" || p.Architecture == here.Architecture)
}

// errPlatform says for which platforms an image is.
func errPlatform(platforms ...string) error {
	return slipway.Errorf(slipway.ErrInvalid, "image is for %s, this machine is %s: build it for this platform (docker build --platform %[2]s)",
		strings.Join(platforms, ", "), host())
}

// choose picks this machine's manifest from an index. Entries for platform
// unknown/unknown are attestations that stand beside an image.
func choose(manifests []v1.Descriptor) (v1.Descriptor, error) {
	var fits []v1.Descriptor
	var others []string
	for _, m := range manifests {
		switch {
		case !m.MediaType.IsImage() && !m.MediaType.IsIndex(), m.Platform != nil && m.Platform.OS == "unknown":
		case m.Platform == nil, runsHere(*m.Platform):
			fits = append(fits, m)
		default:
			others = append(others, m.Platform.String())
		}
	}
	if len(fits) == 0 {
		if len(others) == 0 {
			return v1.Descriptor{}, slipway.Errorf(slipway.ErrInvalid, "the index holds no image")
		}
		return v1.Descriptor{}, errPlatform(others...)
	}
	// The entry without a variant is the one that runs on every machine of the architecture.
	slices.SortStableFunc(fits, func(a, b v1.Descriptor) int { return len(variant(a)) - len(variant(b)) })
	return fits[0], nil
}

func variant(d v1.Descriptor) string {
	if d.Platform == nil {
		return ""
	}
	return d.Platform.Variant
}

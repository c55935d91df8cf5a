package packager_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"

	slipway "github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/packager"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slipway-run/slipway/internal/testenv"
)

// builder is a packager with a store of its own.
type builder struct {
	*packager.Packager
	store *packager.Store
	dir   string
}

func newBuilder(t testing.TB, upstream packager.Blobs) builder {
	t.Helper()
	dir := t.TempDir()
	s := newStore(t, dir, upstream)
	p, err := packager.New(packager.Config{CacheDir: t.TempDir()}, s, nil, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	return builder{p, s, dir}
}

// buildArchive uploads an archive and builds from it.
func (b builder) buildArchive(t testing.TB, archive []byte) (slipway.BuildResult, []slipway.BuildEvent, error) {
	t.Helper()
	digest := sha256Of(t, archive).String()
	if err := b.store.Put(t.Context(), digest, int64(len(archive)), bytes.NewReader(archive)); err != nil {
		t.Fatal(err)
	}
	return b.build(t, slipway.BuildRequest{Input: slipway.InputArchive, Blob: digest})
}

func (b builder) build(t testing.TB, req slipway.BuildRequest) (slipway.BuildResult, []slipway.BuildEvent, error) {
	t.Helper()
	var events []slipway.BuildEvent
	req.Version = slipway.VersionRef{Tenant: "default", Function: "hello", Version: 1}
	result, err := b.Build(t.Context(), req, func(e slipway.BuildEvent) { events = append(events, e) })
	return result, events, err
}

// twoLayers is an image with something to merge.
func twoLayers(t testing.TB) v1.Image {
	lower, upper := layerOf(t, "app", "old", "gone", "x"), layerOf(t, "app", "new", ".wh.gone", "")
	return imageOf(t,
		stored{gzipOf(t, lower), types.OCILayer, lower, nil},
		stored{gzipOf(t, upper), types.OCILayer, upper, nil})
}

// TestArchives builds from one image in every form that tools give it.
func TestArchives(t *testing.T) {
	testenv.Root(t)
	img := twoLayers(t)
	digest, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	source := "oci:" + writeLayout(t, img) + ":hello"
	for _, tt := range []struct {
		name   string
		make   func(t *testing.T) []byte
		digest string // "" when the form does not keep it
	}{
		{"OCI layout", func(t *testing.T) []byte { return tarOfDir(t, writeLayout(t, img)) }, digest.String()},
		{"OCI layout, compressed", func(t *testing.T) []byte { return gzipOf(t, tarOfDir(t, writeLayout(t, img))) }, digest.String()},
		{"OCI layout, names beginning with ./", func(t *testing.T) []byte { return tarOfDir(t, writeLayout(t, img), "./") }, digest.String()},
		{"OCI layout with a nested index", func(t *testing.T) []byte { return tarOfDir(t, writeLayout(t, forPlatforms(t, img))) }, digest.String()},
		{"docker archive with compressed layers", func(t *testing.T) []byte { return dockerArchive(t, img) }, ""},
		{"docker archive that is an OCI layout too", func(t *testing.T) []byte { return hybrid(t, img) }, digest.String()},
		{"docker archive with links between layers", func(t *testing.T) []byte { return linked(t, img) }, ""},
		{"skopeo oci-archive", func(t *testing.T) []byte { return skopeo(t, source, "oci-archive") }, digest.String()},
		{"skopeo docker-archive", func(t *testing.T) []byte { return skopeo(t, source, "docker-archive") }, ""},
		{"buildah oci-archive", func(t *testing.T) []byte { return buildah(t, "oci-archive") }, ""},
		{"buildah docker-archive", func(t *testing.T) []byte { return buildah(t, "docker-archive") }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBuilder(t, nil)
			result, events, err := b.buildArchive(t, tt.make(t))
			if err != nil {
				t.Fatal(err)
			}
			if tt.digest != "" && result.Digest != tt.digest {
				t.Errorf("digest %s, want %s", result.Digest, tt.digest)
			}
			if result.Image != "default/hello@"+result.Digest || result.Runtime != slipway.RuntimeImage {
				t.Errorf("result %+v", result)
			}
			checkProgress(t, events)
			checkTwoLayers(t, b.store, result.Digest)
		})
	}
}

// checkTwoLayers checks that an image is twoLayers, whatever its layers look like.
func checkTwoLayers(t *testing.T, s *packager.Store, digest string) {
	t.Helper()
	img, err := s.Prepare(t.Context(), digest)
	if err != nil {
		t.Fatal(err)
	}
	if got := contentOf(t, img, "app"); got != "new" {
		t.Errorf("app holds %q", got)
	}
	if len(img.Layers) == 2 {
		info, err := os.Lstat(filepath.Join(img.Layers[1], "gone"))
		if err != nil || info.Mode()&os.ModeCharDevice == 0 {
			t.Errorf("gone is not hidden: %v, %v", info, err)
		}
	}
	if !slices.Equal(img.Entrypoint, []string{"/app"}) || !slices.Contains(img.Env, "A=1") {
		t.Errorf("image %+v", img)
	}
}

func checkProgress(t *testing.T, events []slipway.BuildEvent) {
	t.Helper()
	var last slipway.BuildEvent
	for _, e := range events {
		if e.At.IsZero() || e.Done < last.Done {
			t.Errorf("event %+v after %+v", e, last)
		}
		last = e
	}
	if last.Done != last.Total || last.Total == 0 {
		t.Errorf("last event %+v", last)
	}
}

func TestArchivesRefused(t *testing.T) {
	img := twoLayers(t)
	other := imageOf(t, plainLayer(t, "b", "2"))
	artifact := mutate.ConfigMediaType(img, "application/vnd.example.chart.config.v1+json")
	windows, arm, bare := clonedConfig(t, img), clonedConfig(t, img), clonedConfig(t, empty.Image)
	windows.OS, arm.Architecture, arm.Variant = "windows", "riscv64", "v9"
	bare.OS, bare.Architecture = "linux", arch
	for _, tt := range []struct {
		name    string
		archive []byte
		kind    error
		says    string
	}{
		{"nothing", nil, slipway.ErrInvalid, "not an image archive"},
		{"text", []byte("hello"), slipway.ErrInvalid, "not an image archive"},
		{"a tar of something else", tarOfFiles(t, map[string]string{"etc/passwd": "", "bin/sh": ""}), slipway.ErrInvalid, "neither index.json (an OCI layout) nor manifest.json (docker save) is in it, but bin/sh, etc/passwd"},
		{"an archive that ends too early", tarOfDir(t, writeLayout(t, img))[:3000], slipway.ErrInvalid, "too early"},
		{"a gzip that ends too early", gzipOf(t, tarOfDir(t, writeLayout(t, img)))[:300], slipway.ErrInvalid, "too early"},
		{"an index that is not JSON", tarOfFiles(t, map[string]string{"index.json": "{"}), slipway.ErrInvalid, "not JSON"},
		{"an index without images", tarOfFiles(t, map[string]string{"index.json": "{}"}), slipway.ErrInvalid, "no image"},
		{"an archive without images", tarOfFiles(t, map[string]string{"manifest.json": "[]"}), slipway.ErrInvalid, "names no image"},
		{"a manifest.json of something else", tarOfFiles(t, map[string]string{"manifest.json": "{}"}), slipway.ErrInvalid, "not what docker save writes"},
		{"several images in a layout", tarOfDir(t, writeLayout(t, img, other)), slipway.ErrInvalid, "holds 2 images (hello, hello1), and one is expected"},
		{"several images of docker save", dockerArchive(t, img, other), slipway.ErrInvalid, "holds 2 images (example.com/hello:0, example.com/hello:1)"},
		{"a layout without a layer", without(t, tarOfDir(t, writeLayout(t, img)), layerBlob(t, img)), slipway.ErrInvalid, "is missing in it"},
		{"a layout with a damaged layer", damaged(t, tarOfDir(t, writeLayout(t, img)), layerBlob(t, img)), slipway.ErrInvalid, "damaged"},
		{"a layout with a damaged manifest", damaged(t, tarOfDir(t, writeLayout(t, img)), manifestBlob(t, img)), slipway.ErrInvalid, "damaged"},
		{"an image for Windows", tarOfDir(t, writeLayout(t, withConfig(t, img, windows))), slipway.ErrInvalid, "image is for windows/" + arch + ", this machine is linux/" + arch},
		{"an image for another architecture", dockerArchive(t, withConfig(t, img, arm)), slipway.ErrInvalid, "image is for linux/riscv64/v9, this machine is linux/" + arch},
		{"an index for other machines", tarOfDir(t, writeLayout(t, onlyElsewhere(t, img))), slipway.ErrInvalid, "image is for linux/riscv64, windows/amd64, this machine is"},
		{"an artifact", tarOfDir(t, writeLayout(t, artifact)), slipway.ErrInvalid, `artifact of type "application/vnd.example.chart.config.v1+json"`},
		{"an encrypted layer", tarOfDir(t, writeLayout(t, encryptedImage(t))), slipway.ErrInvalid, "tar, tar+gzip and tar+zstd can be unpacked"},
		{"an image without layers", tarOfDir(t, writeLayout(t, withConfig(t, empty.Image, bare))), slipway.ErrInvalid, "no layers"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := newBuilder(t, nil).buildArchive(t, tt.archive)
			wantErr(t, err, tt.kind, tt.says)
			wantErr(t, err, tt.kind, "image archive: ")
		})
	}
	t.Run("an upload that is not there", func(t *testing.T) {
		_, _, err := newBuilder(t, nil).build(t, slipway.BuildRequest{Input: slipway.InputArchive, Blob: sha256Of(t, nil).String()})
		wantErr(t, err, slipway.ErrNotFound, "is not in the store")
	})
}

func TestBuildFromDigest(t *testing.T) {
	b := newBuilder(t, nil)
	digest := addImage(t, b.store, twoLayers(t))
	result, _, err := b.build(t, slipway.BuildRequest{Input: slipway.InputDigest, Digest: digest})
	if err != nil || result.Digest != digest || result.Runtime != slipway.RuntimeImage {
		t.Errorf("%+v, %v", result, err)
	}
	_, _, err = b.build(t, slipway.BuildRequest{Input: slipway.InputDigest, Digest: sha256Of(t, nil).String()})
	wantErr(t, err, slipway.ErrNotFound, "image sha256:")
	_, _, err = b.build(t, slipway.BuildRequest{Input: "nothing"})
	wantErr(t, err, slipway.ErrInvalid, `cannot start from "nothing"`)
}

// TestBuildInCluster: the upload is in the shared store, and the image goes there.
func TestBuildInCluster(t *testing.T) {
	testenv.Root(t)
	shared := newStore(t, t.TempDir(), nil)
	archive := tarOfDir(t, writeLayout(t, twoLayers(t)))
	upload := sha256Of(t, archive)
	if err := shared.Put(t.Context(), upload.String(), int64(len(archive)), bytes.NewReader(archive)); err != nil {
		t.Fatal(err)
	}
	b := newBuilder(t, shared)
	result, _, err := b.build(t, slipway.BuildRequest{Input: slipway.InputArchive, Blob: upload.String()})
	if err != nil {
		t.Fatal(err)
	}
	if slices.Contains(filesIn(t, filepath.Join(b.dir, "blobs", "sha256")), upload.Hex) {
		t.Error("the upload stayed on the machine that built")
	}
	checkTwoLayers(t, newStore(t, t.TempDir(), shared), result.Digest)
}

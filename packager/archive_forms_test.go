package packager_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-run/slipway/internal/testenv"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// writeLayout writes images or one index as an OCI layout.
func writeLayout(t testing.TB, things ...partialImage) string {
	t.Helper()
	dir := t.TempDir()
	l, err := layout.Write(dir, empty.Index)
	for i, thing := range things {
		ref := layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": []string{"hello", "hello1"}[i]})
		switch thing := thing.(type) {
		case v1.Image:
			err = l.AppendImage(thing, ref)
		case v1.ImageIndex:
			err = l.AppendIndex(thing, ref)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// partialImage is an image or an index of images.
type partialImage interface{ Digest() (v1.Hash, error) }

func tarOfDir(t testing.TB, dir string, prefix ...string) []byte {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		rel, relErr := filepath.Rel(dir, path)
		if relErr != nil {
			return relErr
		}
		files[strings.Join(prefix, "")+rel] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tarOfFiles(t, files)
}

func tarOfFiles(t testing.TB, files map[string]string) []byte {
	t.Helper()
	var flat []string
	for _, name := range slices.Sorted(maps.Keys(files)) {
		flat = append(flat, name, files[name])
	}
	return layerOf(t, flat...)
}

func filesOfTar(t testing.TB, archive []byte) map[string]string {
	t.Helper()
	files := map[string]string{}
	for tr := tar.NewReader(bytes.NewReader(archive)); ; {
		hdr, err := tr.Next()
		if err == io.EOF {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		files[hdr.Name] = string(content)
	}
}

func without(t testing.TB, archive []byte, name string) []byte {
	files := filesOfTar(t, archive)
	delete(files, name)
	return tarOfFiles(t, files)
}

func damaged(t testing.TB, archive []byte, name string) []byte {
	files := filesOfTar(t, archive)
	files[name] = strings.Repeat(" ", len(files[name]))
	return tarOfFiles(t, files)
}

func layerBlob(t testing.TB, img v1.Image) string {
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	h, err := layers[0].Digest()
	if err != nil {
		t.Fatal(err)
	}
	return "blobs/sha256/" + h.Hex
}

func manifestBlob(t testing.TB, img v1.Image) string {
	h, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return "blobs/sha256/" + h.Hex
}

// dockerArchive is what older versions of docker save write.
func dockerArchive(t testing.TB, images ...v1.Image) []byte {
	t.Helper()
	refs := map[name.Reference]v1.Image{}
	for i, img := range images {
		ref, err := name.ParseReference("example.com/hello:" + string(rune('0'+i)))
		if err != nil {
			t.Fatal(err)
		}
		refs[ref] = img
	}
	var buf bytes.Buffer
	if err := tarball.MultiRefWrite(refs, &buf); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// hybrid is what docker save writes since version 25: a layout with a manifest.json.
func hybrid(t testing.TB, img v1.Image) []byte {
	t.Helper()
	files := filesOfTar(t, tarOfDir(t, writeLayout(t, img)))
	manifest, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	var layers []string
	for _, l := range manifest.Layers {
		layers = append(layers, "blobs/sha256/"+l.Digest.Hex)
	}
	raw, err := json.Marshal([]map[string]any{{"Config": "blobs/sha256/" + manifest.Config.Digest.Hex, "RepoTags": []string{"hello:latest"}, "Layers": layers}})
	if err != nil {
		t.Fatal(err)
	}
	files["manifest.json"] = string(raw)
	return tarOfFiles(t, files)
}

// linked is the form in which layers are links to each other, as older tools write
// layers that come twice.
func linked(t testing.TB, img v1.Image) []byte {
	t.Helper()
	files := filesOfTar(t, dockerArchive(t, img))
	var manifest []map[string]any
	if err := json.Unmarshal([]byte(files["manifest.json"]), &manifest); err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	var layers []any
	for i, l := range manifest[0]["Layers"].([]any) {
		id := string(rune('a' + i))
		link := tar.Header{Typeflag: tar.TypeSymlink, Name: id + "/layer.tar", Linkname: "../" + l.(string)}
		if err := tw.WriteHeader(&link); err != nil {
			t.Fatal(err)
		}
		layers = append(layers, link.Name)
	}
	manifest[0]["Layers"] = layers
	raw, err := json.Marshal(manifest)
	if err != nil {
		t.Fatal(err)
	}
	files["manifest.json"] = string(raw)
	if err := tw.Flush(); err != nil {
		t.Fatal(err)
	}
	return append(buf.Bytes(), tarOfFiles(t, files)...)
}

// forPlatforms is an index in which img is the one for this machine.
func forPlatforms(t testing.TB, img v1.Image) v1.ImageIndex {
	other := clonedConfig(t, img)
	other.Architecture = "riscv64"
	return mutate.AppendManifests(empty.Index,
		mutate.IndexAddendum{Add: withConfig(t, img, other), Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "riscv64"}}},
		mutate.IndexAddendum{Add: empty.Image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "unknown", Architecture: "unknown"}}},
		mutate.IndexAddendum{Add: imageOf(t, plainLayer(t, "fast", "")), Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch, Variant: "v4"}}},
		mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}},
	)
}

func onlyElsewhere(t testing.TB, img v1.Image) v1.ImageIndex {
	return mutate.AppendManifests(empty.Index,
		mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "riscv64"}}},
		mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "windows", Architecture: "amd64"}}},
	)
}

func encryptedImage(t testing.TB) v1.Image {
	layer := layerOf(t, "a", "1")
	return imageOf(t, stored{layer, "application/vnd.oci.image.layer.v1.tar+gzip+encrypted", layer, nil})
}

func clonedConfig(t testing.TB, img v1.Image) *v1.ConfigFile {
	t.Helper()
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	return config.DeepCopy()
}

func withConfig(t testing.TB, img v1.Image, config *v1.ConfigFile) v1.Image {
	t.Helper()
	img, err := mutate.ConfigFile(img, config)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// skopeo converts an image and returns the archive.
func skopeo(t testing.TB, source, transport string) []byte {
	t.Helper()
	return run(t, transport, testenv.Require(t, "skopeo"), "--insecure-policy", "copy", "--quiet", source)
}

// buildah builds an image like twoLayers.
func buildah(t testing.TB, transport string) []byte {
	t.Helper()
	program := testenv.Require(t, "buildah")
	work := t.TempDir()
	global := []string{"--root", filepath.Join(work, "root"), "--runroot", filepath.Join(work, "run"), "--storage-driver", "vfs"}
	if err := os.WriteFile(filepath.Join(work, "app"), []byte("new"), 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(work, "Containerfile")
	if err := os.WriteFile(file, []byte("FROM scratch\nCOPY app /app\nENV A=1\nENTRYPOINT [\"/app\"]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	output(t, program, append(slices.Clone(global), "build", "--isolation", "chroot", "--tag", "hello", "--file", file, work)...)
	return run(t, transport, program, append(slices.Clone(global), "push", "--quiet", "--disable-compression", "localhost/hello")...)
}

// run calls a tool with a destination as its last argument, and reads what it wrote.
func run(t testing.TB, transport, program string, args ...string) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "image.tar")
	output(t, program, append(args, transport+":"+file+":hello:latest")...)
	archive, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return archive
}

func output(t testing.TB, program string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", program, args, err, out)
	}
}

package packager_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	slipway "github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/packager"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

func newStore(t testing.TB, dir string, upstream packager.Blobs) *packager.Store {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	s, err := packager.NewStore(packager.StoreConfig{Dir: dir, Upstream: upstream}, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// layerOf is an uncompressed layer with the files that are named and filled in turn.
func layerOf(t testing.TB, namesAndContents ...string) []byte {
	t.Helper()
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	for i := 0; i < len(namesAndContents); i += 2 {
		name, content := namesAndContents[i], namesAndContents[i+1]
		err := tw.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(content)), Mode: 0o644})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(tw, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := tw.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func gzipOf(t testing.TB, plain []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func zstdOf(t testing.TB, plain []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	return w.EncodeAll(plain, nil)
}

// stored is a layer as a registry has it: bytes of some media type.
type stored struct {
	blob   []byte
	media  types.MediaType
	plain  []byte // what diff id and digest are made of
	diffID *v1.Hash
}

// imageOf makes an image for this machine from layers, lowest first.
func imageOf(t testing.TB, layers ...stored) v1.Image {
	t.Helper()
	config := &v1.ConfigFile{
		OS: "linux", Architecture: arch,
		Config: v1.Config{
			Entrypoint: []string{"/app"}, Cmd: []string{"serve"}, Env: []string{"A=1"},
			WorkingDir: "/srv", User: "1000:100", Labels: map[string]string{"l": "v"},
		},
	}
	adds := make([]mutate.Addendum, len(layers))
	for i, l := range layers {
		diffID := sha256Of(t, l.plain)
		if l.diffID != nil {
			diffID = *l.diffID
		}
		adds[i].Layer = blobLayer{static.NewLayer(l.blob, l.media), diffID}
	}
	img, err := mutate.ConfigFile(mutate.MediaType(mutate.ConfigMediaType(empty.Image, types.OCIConfigJSON), types.OCIManifestSchema1), config)
	if err == nil {
		img, err = mutate.Append(img, adds...)
	}
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// blobLayer has bytes and a diff id that nobody computed from them.
type blobLayer struct {
	v1.Layer
	diffID v1.Hash
}

func (l blobLayer) DiffID() (v1.Hash, error) { return l.diffID, nil }

func sha256Of(t testing.TB, data []byte) v1.Hash {
	t.Helper()
	h, _, err := v1.SHA256(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func plainLayer(t testing.TB, namesAndContents ...string) stored {
	layer := layerOf(t, namesAndContents...)
	return stored{blob: layer, media: types.OCIUncompressedLayer, plain: layer}
}

func addImage(t testing.TB, s *packager.Store, img v1.Image) string {
	t.Helper()
	digest, err := s.AddImage(t.Context(), img)
	if err != nil {
		t.Fatal(err)
	}
	return digest
}

// contentOf reads a file of an unpacked image, from the highest layer that has it.
func contentOf(t testing.TB, img slipway.Image, name string) string {
	t.Helper()
	for i := len(img.Layers) - 1; i >= 0; i-- {
		content, err := os.ReadFile(filepath.Join(img.Layers[i], name))
		if err == nil {
			return string(content)
		}
		if !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	t.Fatalf("no layer has %s", name)
	return ""
}

// faultyBlobs is an upstream whose blobs are not what their names say.
type faultyBlobs struct{ content []byte }

func (b faultyBlobs) Has(context.Context, string) (bool, error) { return true, nil }

func (b faultyBlobs) Open(context.Context, string) (io.ReadCloser, int64, error) {
	return io.NopCloser(bytes.NewReader(b.content)), int64(len(b.content)), nil
}

func (b faultyBlobs) Put(context.Context, string, int64, io.Reader) error {
	return slipway.Errorf(slipway.ErrUnavailable, "the bus is not there")
}

package packager_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	slipway "github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/packager"

	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slipway-run/slipway/internal/testenv"
)

func TestPrepare(t *testing.T) {
	testenv.Root(t)
	t.Run("an image with layers of every format", func(t *testing.T) {
		a, b, c, wrong := layerOf(t, "a", "1", "x", "a"), layerOf(t, "b", "2", "x", "b"), layerOf(t, "c", "3", "x", "c"), layerOf(t, "d", "4")
		s := newStore(t, t.TempDir(), nil)
		digest := addImage(t, s, imageOf(t,
			stored{gzipOf(t, a), types.OCILayer, a, nil},
			stored{zstdOf(t, b), types.OCILayerZStd, b, nil},
			stored{c, types.OCIUncompressedLayer, c, nil},
			stored{wrong, types.DockerLayer, wrong, nil}, // its media type says gzip
		))
		img, err := s.Prepare(t.Context(), digest)
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]string{"a": "1", "b": "2", "c": "3", "d": "4", "x": "c"} {
			if got := contentOf(t, img, name); got != want {
				t.Errorf("%s holds %q, want %q", name, got, want)
			}
		}
		img.Layers = nil
		want := slipway.Image{
			Digest: digest, Entrypoint: []string{"/app"}, Cmd: []string{"serve"}, Env: []string{"A=1"},
			WorkingDir: "/srv", User: "1000:100", Labels: map[string]string{"l": "v"},
		}
		if !reflect.DeepEqual(img, want) {
			t.Errorf("got %+v, want %+v", img, want)
		}
	})
	t.Run("an empty layer, and one that comes again", func(t *testing.T) {
		s := newStore(t, t.TempDir(), nil)
		none, a, b := plainLayer(t), plainLayer(t, "x", "a"), plainLayer(t, "x", "b")
		digest := addImage(t, s, imageOf(t, none, a, none, b, none, a))
		img, err := s.Prepare(t.Context(), digest)
		if err != nil {
			t.Fatal(err)
		}
		if got := contentOf(t, img, "x"); got != "a" || len(img.Layers) != 3 {
			t.Errorf("x holds %q in %v", got, img.Layers)
		}
	})
	t.Run("many ask for one image", func(t *testing.T) {
		upstream := newStore(t, t.TempDir(), nil)
		digest := addImage(t, upstream, imageOf(t, plainLayer(t, "a", "1"), plainLayer(t, "b", "2")))
		counted := &countedBlobs{Blobs: upstream}
		s := newStore(t, t.TempDir(), counted)
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				img, err := s.Prepare(t.Context(), digest)
				if err != nil || len(img.Layers) != 2 {
					t.Errorf("%v, %v", img, err)
				}
			})
		}
		wg.Wait()
		if n := counted.opened.Load(); n != 4 {
			t.Errorf("%d blobs were fetched, want 4", n)
		}
	})
	t.Run("a layer that is gone is unpacked again", func(t *testing.T) {
		s := newStore(t, t.TempDir(), nil)
		digest := addImage(t, s, imageOf(t, plainLayer(t, "a", "1")))
		img, err := s.Prepare(t.Context(), digest)
		if err == nil {
			err = os.RemoveAll(img.Layers[0])
		}
		if err == nil {
			img, err = s.Prepare(t.Context(), digest)
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := contentOf(t, img, "a"); got != "1" {
			t.Errorf("a holds %q", got)
		}
	})
}

func TestPrepareRefuses(t *testing.T) {
	testenv.Root(t)
	dir := t.TempDir()
	s := newStore(t, dir, nil)
	plain := layerOf(t, "a", strings.Repeat("1", 100_000))
	other := sha256Of(t, []byte("other"))
	for _, tt := range []struct {
		name  string
		layer stored
		says  string
	}{
		{"a wrong diff id", stored{gzipOf(t, plain), types.OCILayer, plain, &other}, "the image says " + other.String()},
		{"a layer that is cut off", stored{gzipOf(t, plain)[:80], types.OCILayer, plain, nil}, "ends too early"},
		{"a layer that is no tar", stored{[]byte(strings.Repeat("text", 500)), types.OCIUncompressedLayer, plain, nil}, "damaged"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := s.Prepare(t.Context(), addImage(t, s, imageOf(t, tt.layer)))
			wantErr(t, err, slipway.ErrInvalid, tt.says)
			wantErr(t, err, slipway.ErrInvalid, "unpack layer sha256:")
			if left := filesIn(t, filepath.Join(dir, "layers", "sha256")); len(left) != 0 {
				t.Errorf("left: %v", left)
			}
			if n := halfWritten(t, dir); n != 0 {
				t.Errorf("%d files left in the scratch folder", n)
			}
		})
	}
	t.Run("an image that is not there", func(t *testing.T) {
		_, err := s.Prepare(t.Context(), other.String())
		wantErr(t, err, slipway.ErrNotFound, other.String())
	})
	t.Run("what is no image", func(t *testing.T) {
		blob := []byte("{}")
		if err := s.Put(t.Context(), sha256Of(t, blob).String(), 2, bytes.NewReader(blob)); err != nil {
			t.Fatal(err)
		}
		_, err := s.Prepare(t.Context(), sha256Of(t, blob).String())
		wantErr(t, err, slipway.ErrInvalid, "is not an image")
	})
	t.Run("one who gives up", func(t *testing.T) {
		digest := addImage(t, s, imageOf(t, plainLayer(t, "x", "y")))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := s.Prepare(ctx, digest)
		wantErr(t, err, context.Canceled, "")
		if _, err := s.Prepare(t.Context(), digest); err != nil {
			t.Fatal(err)
		}
	})
}

func TestUpstream(t *testing.T) {
	testenv.Root(t)
	t.Run("an image goes up and comes down", func(t *testing.T) {
		shared := newStore(t, t.TempDir(), nil)
		one, two := newStore(t, t.TempDir(), shared), newStore(t, t.TempDir(), shared)
		digest := addImage(t, one, imageOf(t, plainLayer(t, "a", "1")))
		if _, err := two.Prepare(t.Context(), digest); err == nil {
			t.Error("it is there before it was published")
		}
		for range 2 {
			if err := one.Publish(t.Context(), digest); err != nil {
				t.Fatal(err)
			}
		}
		if ok, err := two.Has(t.Context(), digest); !ok || err != nil {
			t.Errorf("Has: %v, %v", ok, err)
		}
		img, err := two.Prepare(t.Context(), digest)
		if err != nil {
			t.Fatal(err)
		}
		if got := contentOf(t, img, "a"); got != "1" {
			t.Errorf("a holds %q", got)
		}
	})
	t.Run("damage on the way is noticed", func(t *testing.T) {
		dir := t.TempDir()
		s := newStore(t, dir, faultyBlobs{[]byte("other")})
		digest := sha256Of(t, []byte("wanted")).String()
		_, _, err := s.Open(t.Context(), digest)
		wantErr(t, err, slipway.ErrInvalid, "damaged")
		if left := filesIn(t, filepath.Join(dir, "blobs", "sha256")); len(left) != 0 {
			t.Errorf("left: %v", left)
		}
	})
	t.Run("an upstream that is not there", func(t *testing.T) {
		s := newStore(t, t.TempDir(), absentBlobs{})
		err := s.Publish(t.Context(), addImage(t, s, imageOf(t, plainLayer(t, "a", "1"))))
		wantErr(t, err, slipway.ErrUnavailable, "publish image sha256:")
	})
	t.Run("nothing happens without one", func(t *testing.T) {
		s := newStore(t, t.TempDir(), nil)
		if err := s.Publish(t.Context(), sha256Of(t, nil).String()); err != nil {
			t.Error(err)
		}
	})
}

// absentBlobs is an upstream that has nothing and takes nothing.
type absentBlobs struct{ faultyBlobs }

func (absentBlobs) Has(context.Context, string) (bool, error) { return false, nil }

// countedBlobs counts what is fetched.
type countedBlobs struct {
	packager.Blobs
	opened atomic.Int32
}

func (b *countedBlobs) Open(ctx context.Context, digest string) (io.ReadCloser, int64, error) {
	b.opened.Add(1)
	return b.Blobs.Open(ctx, digest)
}

func TestFullDisk(t *testing.T) {
	dir := packager.SmallDisk(t)
	s := newStore(t, dir, nil)
	// Compressed it fits, unpacked it does not.
	plain := layerOf(t, "a", strings.Repeat("1", 4<<20))
	digest := addImage(t, s, imageOf(t, stored{gzipOf(t, plain), types.OCILayer, plain, nil}))
	_, err := s.Prepare(t.Context(), digest)
	wantErr(t, err, slipway.ErrUnavailable, "no space left in "+dir+": free some or move --data")
	err = s.Put(t.Context(), sha256Of(t, plain).String(), -1, bytes.NewReader(plain))
	wantErr(t, err, slipway.ErrUnavailable, "no space left in "+dir)
	if left := filesIn(t, filepath.Join(dir, "layers", "sha256")); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	if n := halfWritten(t, dir); n != 0 {
		t.Errorf("%d half-written files left", n)
	}
}

func filesIn(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return slices.Clip(names)
}

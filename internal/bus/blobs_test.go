package bus_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/bus"
)

func digestOf(data []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(data)) }

func TestBlobs(t *testing.T) {
	eachWay(t, bus.Config{}, func(t *testing.T, one, two *bus.Bus) {
		for _, n := range []int{0, 1, 1 << 20, 3<<20 + 5} {
			data := make([]byte, n)
			rand.Read(data)
			digest := digestOf(data)
			if has, err := two.Blobs().Has(within(t), digest); has || err != nil {
				t.Errorf("has %v, %v", has, err)
			}
			for range 2 {
				if err := one.Blobs().Put(within(t), digest, int64(n), bytes.NewReader(data)); err != nil {
					t.Fatal(err)
				}
			}
			r, size, err := two.Blobs().Open(within(t), digest)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(r)
			if err != nil || !bytes.Equal(got, data) || size != int64(n) {
				t.Errorf("%d of %d bytes: %v", len(got), size, err)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
			for range 2 {
				if err := one.Blobs().Delete(within(t), digest); err != nil {
					t.Error(err)
				}
			}
			if _, _, err := two.Blobs().Open(within(t), digest); !errors.Is(err, slipway.ErrNotFound) {
				t.Errorf("err = %v, want ErrNotFound", err)
			}
		}
	})
}

func TestBlobRefused(t *testing.T) {
	blobs := embedded(t, bus.Config{}).Blobs()
	data := bytes.Repeat([]byte("data"), 1<<18)
	digest := digestOf(data)
	broken := errors.New("broken")
	puts := map[string]error{
		"capitals":       blobs.Put(within(t), "sha256:"+strings.ToUpper(digest[7:]), int64(len(data)), bytes.NewReader(data)),
		"another digest": blobs.Put(within(t), digestOf(nil), int64(len(data)), bytes.NewReader(data)),
		"too short":      blobs.Put(within(t), digest, int64(len(data)), bytes.NewReader(data[1:])),
		"too long":       blobs.Put(within(t), digest, int64(len(data))-1, bytes.NewReader(data)),
		"no digest":      blobs.Put(within(t), "sha256:12", int64(len(data)), bytes.NewReader(data)),
		"no algorithm":   blobs.Put(within(t), digest[7:], int64(len(data)), bytes.NewReader(data)),
		"nothing":        blobs.Put(within(t), "", int64(len(data)), bytes.NewReader(data)),
	}
	for what, err := range puts {
		if !errors.Is(err, slipway.ErrInvalid) {
			t.Errorf("%s: err = %v, want ErrInvalid", what, err)
		}
	}
	if err := blobs.Put(within(t), digest, -1, io.MultiReader(bytes.NewReader(data), errorReader{broken})); !errors.Is(err, broken) {
		t.Errorf("err = %v", err)
	}
	if has, err := blobs.Has(within(t), digest); has || err != nil {
		t.Errorf("something was stored: %v, %v", has, err)
	}
}

func TestBlobAtOnce(t *testing.T) {
	eachWay(t, bus.Config{}, func(t *testing.T, one, two *bus.Bus) {
		data := make([]byte, 8<<20)
		rand.Read(data)
		digest := digestOf(data)
		var all sync.WaitGroup
		for _, b := range []*bus.Bus{one, two, one} {
			all.Go(func() {
				if err := b.Blobs().Put(within(t), digest, int64(len(data)), bytes.NewReader(data)); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		r, _, err := one.Blobs().Open(within(t), digest)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes: %v", len(got), err)
		}
	})
}

// TestBlobAbandoned closes readers early, and cancels one.
func TestBlobAbandoned(t *testing.T) {
	eachWay(t, bus.Config{}, func(t *testing.T, one, two *bus.Bus) {
		data := make([]byte, 8<<20)
		digest := digestOf(data)
		if err := one.Blobs().Put(within(t), digest, -1, bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
		r, _, err := two.Blobs().Open(within(t), digest)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(r, make([]byte, 10)); err != nil {
			t.Error(err)
		}
		r.Close()
		ctx, cancel := context.WithCancel(within(t))
		r, _, err = two.Blobs().Open(ctx, digest)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		cancel()
		if n, err := io.Copy(io.Discard, r); err == nil {
			t.Errorf("all %d bytes came", n)
		}
	})
}

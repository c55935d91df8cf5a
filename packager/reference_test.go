package packager_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	slipway "github.com/slipway-run/slipway"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/slipway-run/slipway/internal/testenv"
)

// testRegistry is a registry that asks for a password.
type testRegistry struct {
	host   string
	blobs  atomic.Int32 // blobs that were fetched from it
	status atomic.Int32 // answers everything with it when it is not 0
}

const (
	registryUser     = "someone"
	registryPassword = "secret"
)

func newRegistry(t *testing.T) *testRegistry {
	t.Helper()
	r := &testRegistry{}
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		user, password, _ := req.BasicAuth()
		switch {
		case r.status.Load() != 0:
			w.WriteHeader(int(r.status.Load()))
		case user != registryUser || password != registryPassword:
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			w.WriteHeader(http.StatusUnauthorized)
		default:
			if req.Method == http.MethodGet && strings.Contains(req.URL.Path, "/blobs/") {
				r.blobs.Add(1)
			}
			inner.ServeHTTP(w, req)
		}
	}))
	t.Cleanup(server.Close)
	r.host = strings.TrimPrefix(server.URL, "http://")
	return r
}

// login writes the docker configuration that this process reads.
func (r *testRegistry) login(t *testing.T, password string) {
	t.Helper()
	auth := base64.StdEncoding.EncodeToString([]byte(registryUser + ":" + password))
	raw, err := json.Marshal(map[string]any{"auths": map[string]any{r.host: map[string]string{"auth": auth}}})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "config.json"), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DOCKER_CONFIG", dir)
	t.Setenv("HOME", dir)
}

// push puts an image or an index into the registry and returns its reference.
func (r *testRegistry) push(t *testing.T, repository string, thing partialImage) string {
	t.Helper()
	ref, err := name.ParseReference(r.host + "/" + repository)
	if err != nil {
		t.Fatal(err)
	}
	auth := remote.WithAuth(&authn.Basic{Username: registryUser, Password: registryPassword})
	switch thing := thing.(type) {
	case v1.Image:
		err = remote.Write(ref, thing, auth)
	case v1.ImageIndex:
		err = remote.WriteIndex(ref, thing, auth)
	}
	if err != nil {
		t.Fatal(err)
	}
	return ref.String()
}

func TestReferences(t *testing.T) {
	testenv.Root(t)
	r := newRegistry(t)
	r.login(t, registryPassword)
	img := twoLayers(t)
	digest, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	single, multi := r.push(t, "team/hello:v1", img), r.push(t, "team/multi", forPlatforms(t, img))
	for _, tt := range []struct{ name, reference, image string }{
		{"a tag", single, single + "@" + digest.String()},
		{"a digest", r.host + "/team/hello@" + digest.String(), r.host + "/team/hello@" + digest.String()},
		{"a tag and a digest", single + "@" + digest.String(), single + "@" + digest.String()},
		{"for several platforms", strings.TrimSuffix(multi, ":latest"), r.host + "/team/multi@" + digest.String()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBuilder(t, nil)
			result, events, err := b.build(t, slipway.BuildRequest{Input: slipway.InputReference, Reference: tt.reference})
			if err != nil {
				t.Fatal(err)
			}
			want := slipway.BuildResult{Image: tt.image, Digest: digest.String(), Runtime: slipway.RuntimeImage}
			if result != want {
				t.Errorf("got %+v, want %+v", result, want)
			}
			checkProgress(t, events)
			checkTwoLayers(t, b.store, result.Digest)
		})
	}
	t.Run("what is there is not fetched again", func(t *testing.T) {
		b := newBuilder(t, nil)
		request := slipway.BuildRequest{Input: slipway.InputReference, Reference: single}
		if _, _, err := b.build(t, request); err != nil {
			t.Fatal(err)
		}
		before := r.blobs.Load()
		if _, _, err := b.build(t, request); err != nil {
			t.Fatal(err)
		}
		if fetched := r.blobs.Load() - before; fetched > 1 { // the configuration says for which platform it is
			t.Errorf("%d blobs were fetched again", fetched)
		}
	})
}

func TestReferencesRefused(t *testing.T) {
	r := newRegistry(t)
	img := twoLayers(t)
	good := r.push(t, "team/hello:v1", img)
	elsewhere := r.push(t, "team/elsewhere", onlyElsewhere(t, img))
	artifact := r.push(t, "team/chart", mutate.ConfigMediaType(img, "application/vnd.example.chart.config.v1+json"))
	build := func(t *testing.T, reference string) error {
		_, _, err := newBuilder(t, nil).build(t, slipway.BuildRequest{Input: slipway.InputReference, Reference: reference})
		return err
	}
	r.login(t, registryPassword)
	for _, tt := range []struct {
		name, reference string
		kind            error
		says            string
	}{
		{"not a reference", "Not A Reference", slipway.ErrInvalid, "not a reference to an image"},
		{"nothing", "", slipway.ErrInvalid, "not a reference to an image"},
		{"an unknown tag", r.host + "/team/hello:v2", slipway.ErrInvalid, "registry " + r.host + " does not have it; check its name and tag"},
		{"an unknown repository", r.host + "/team/other", slipway.ErrInvalid, "does not have it"},
		{"an image for other machines", elsewhere, slipway.ErrInvalid, "image is for linux/riscv64, windows/amd64"},
		{"an artifact", artifact, slipway.ErrInvalid, "artifact of type"},
		{"a registry that is not there", deadHost(t) + "/team/hello", slipway.ErrUnavailable, "cannot be reached"},
	} {
		t.Run(tt.name, func(t *testing.T) { wantErr(t, build(t, tt.reference), tt.kind, tt.says) })
	}
	t.Run("a wrong password", func(t *testing.T) {
		r.login(t, "guessed")
		wantErr(t, build(t, good), slipway.ErrInvalid, "run docker login "+r.host)
	})
	t.Run("no password", func(t *testing.T) {
		t.Setenv("DOCKER_CONFIG", t.TempDir())
		wantErr(t, build(t, good), slipway.ErrInvalid, "refuses access")
	})
	t.Run("a registry that is not well", func(t *testing.T) {
		r.login(t, registryPassword)
		r.status.Store(http.StatusInsufficientStorage)
		wantErr(t, build(t, good), slipway.ErrUnavailable, "cannot answer now")
	})
}

// deadHost is an address of this machine at which nobody listens.
func deadHost(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

package packager_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	slipway "github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/network"
	"github.com/slipway-run/slipway/internal/sandbox"
	"github.com/slipway-run/slipway/packager"
	"github.com/slipway-run/slipway/sdk"

	"github.com/slipway-run/slipway/internal/testenv"
)

// world is a packager with real sandboxes that reach the outside.
type world struct {
	store    *packager.Store
	packager *packager.Packager
	launcher slipway.Launcher
	cache    string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	testenv.Root(t)
	w := &world{store: newStore(t, t.TempDir(), nil), launcher: newLauncher(t), cache: sharedCache}
	w.packager = w.newPackager(t, packager.Config{})
	return w
}

// newPackager is another packager over the same store and cache.
func (w *world) newPackager(t *testing.T, cfg packager.Config) *packager.Packager {
	t.Helper()
	cfg.Python, cfg.Node = sdk.Python, sdk.Node
	if cfg.CacheDir == "" {
		cfg.CacheDir = w.cache
	}
	p, err := packager.New(cfg, w.store, w.launcher, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func newLauncher(t *testing.T) slipway.Launcher {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	name := fmt.Sprintf("slipway-pack-%d", os.Getpid())
	egress, err := network.New(network.Config{Name: name}, log)
	if err != nil {
		t.Fatal(err)
	}
	if err := egress.Setup(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = egress.Close() })
	attach := func(ctx context.Context, id string, netns int) (sandbox.Link, error) {
		return egress.Attach(ctx, id, netns)
	}
	native, err := sandbox.New(sandbox.Config{Dir: t.TempDir(), Name: name, Egress: sandbox.EgressFunc(attach)}, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = native.Close() })
	return native
}

// files is a source: names and contents. A name that ends in * is executable.
type files map[string]string

func (f files) tar(t *testing.T, modTime time.Time, mode int64) []byte {
	t.Helper()
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	for name, content := range f {
		hdr := &tar.Header{Name: strings.TrimSuffix(name, "*"), Mode: mode, Size: int64(len(content)), ModTime: modTime}
		if strings.HasSuffix(name, "*") {
			hdr.Mode |= 0o111
		}
		if err := tw.WriteHeader(hdr); err != nil {
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

// built is the outcome of one build and its log.
type built struct {
	slipway.BuildResult
	err error
	log string
}

func (w *world) build(t *testing.T, f files, cfg slipway.Config) built {
	t.Helper()
	return w.buildArchive(t, f.tar(t, time.Now(), 0o644), cfg)
}

func (w *world) buildArchive(t *testing.T, archive []byte, cfg slipway.Config) built {
	t.Helper()
	return w.buildWith(t, w.packager, archive, cfg)
}

func (w *world) buildWith(t *testing.T, p *packager.Packager, archive []byte, cfg slipway.Config) built {
	t.Helper()
	return w.request(t, p, archive, slipway.BuildRequest{Config: cfg})
}

// request builds an archive of source with p, as req says.
func (w *world) request(t *testing.T, p *packager.Packager, archive []byte, req slipway.BuildRequest) built {
	t.Helper()
	blob := sha256Of(t, archive).String()
	if err := w.store.Put(t.Context(), blob, -1, bytes.NewReader(archive)); err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	req.Version, req.Input, req.Blob = slipway.VersionRef{Tenant: "t", Function: "f", Version: 1}, slipway.InputSource, blob
	result, err := p.Build(t.Context(), req, func(e slipway.BuildEvent) {
		fmt.Fprintf(&log, "%s%s\n", prefixed("# ", e.Step), e.Text)
	})
	return built{result, err, log.String()}
}

func prefixed(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}

// must is for builds that have to work.
func (b built) must(t *testing.T) built {
	t.Helper()
	if b.err != nil {
		t.Fatalf("build: %v\n%s", b.err, b.log)
	}
	return b
}

// refused is for builds that must not, and for a reason that a user understands.
func (b built) refused(t *testing.T, words ...string) {
	t.Helper()
	if !errors.Is(b.err, slipway.ErrInvalid) {
		t.Fatalf("build: %v, want ErrInvalid\n%s", b.err, b.log)
	}
	for _, word := range words {
		if !strings.Contains(b.err.Error(), word) {
			t.Errorf("error %q, want %q in it", b.err, word)
		}
	}
}

// sandbox starts the image; what it prints is read from the returned file.
func (w *world) sandbox(t *testing.T, digest, stdin string, prepare func(slipway.Sandbox)) (slipway.Sandbox, *os.File) {
	t.Helper()
	return w.sandboxWith(t, digest, nil, stdin, prepare)
}

// sandboxWith is sandbox with arguments behind the command line.
func (w *world) sandboxWith(t *testing.T, digest string, arguments []string, stdin string, prepare func(slipway.Sandbox)) (slipway.Sandbox, *os.File) {
	t.Helper()
	img, err := w.store.Prepare(t.Context(), digest)
	if err != nil {
		t.Fatal(err)
	}
	box, err := w.launcher.Create(t.Context(), slipway.SandboxSpec{
		ID: "test-" + slipway.NewID(), Layers: img.Layers, Args: append(img.Argv(nil), arguments...), Dir: img.WorkingDir,
		Env: append(slices.Clone(img.Env), "AWS_LAMBDA_RUNTIME_API=127.0.0.1:9001"), EphemeralMB: 64, MemoryMB: 256, PIDs: 64,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = box.Close() })
	if prepare != nil {
		prepare(box)
	}
	in, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if _, err := in.WriteString(stdin); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	r, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	err = box.Start(t.Context(), slipway.Stdio{Stdin: in, Stdout: out, Stderr: out})
	_ = out.Close()
	if err != nil {
		t.Fatal(err)
	}
	return box, r
}

// run is the output of an image that ends by itself.
func (w *world) run(t *testing.T, digest, stdin string) string {
	t.Helper()
	box, r := w.sandbox(t, digest, stdin, nil)
	printed, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	<-box.Done()
	if !box.Exit().Success() {
		t.Fatalf("%s: %s", box.Exit(), printed)
	}
	return string(printed)
}

// invoke gives one event to an image by the Runtime API, and returns what it posts.
func (w *world) invoke(t *testing.T, digest, event string) string {
	t.Helper()
	posted := make(chan string, 1)
	given := make(chan struct{}, 1)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", func(rw http.ResponseWriter, r *http.Request) {
		select {
		case given <- struct{}{}:
			rw.Header().Set("Lambda-Runtime-Aws-Request-Id", "id")
			_, _ = io.WriteString(rw, event)
		default:
			<-r.Context().Done()
		}
	})
	mux.HandleFunc("POST /", func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		posted <- strings.TrimPrefix(r.URL.Path, "/2018-06-01/runtime/") + " " + string(body)
		rw.WriteHeader(http.StatusAccepted)
	})
	server := &http.Server{Handler: mux}
	t.Cleanup(func() { _ = server.Close() })
	box, r := w.sandbox(t, digest, "", func(box slipway.Sandbox) {
		l, err := box.Listen(t.Context(), "tcp", "127.0.0.1:9001")
		if err != nil {
			t.Fatal(err)
		}
		go func() { _ = server.Serve(l) }()
	})
	select {
	case answer := <-posted:
		return answer
	case <-box.Done():
		printed, _ := io.ReadAll(r)
		t.Fatalf("it ended with %s: %s", box.Exit(), printed)
		return ""
	}
}

// names are the files of an image's layers.
func (w *world) names(t *testing.T, digest string) []string {
	t.Helper()
	img, err := w.store.Prepare(t.Context(), digest)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, layer := range img.Layers {
		err := fs.WalkDir(os.DirFS(layer), ".", func(name string, e fs.DirEntry, err error) error {
			if err == nil && !e.IsDir() {
				names = append(names, name)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return names
}

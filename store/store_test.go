package store_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/testenv"
	"github.com/slipway-run/slipway/store"
)

func TestMain(m *testing.M) {
	if url := os.Getenv(victimURL); url != "" {
		writeUntilKilled(url)
	}
	os.Exit(m.Run())
}

// engines make the URL of an empty database.
var engines = []struct {
	name string
	url  func(t *testing.T) string
}{
	{"sqlite", func(t *testing.T) string { return "sqlite://" + filepath.Join(t.TempDir(), "slipway.db") }},
	{"postgres", func(t *testing.T) string { return testenv.Postgres(t) }},
}

// onEach runs a test on an empty store of each engine.
func onEach(t *testing.T, test func(t *testing.T, s *store.Store)) {
	for _, engine := range engines {
		t.Run(engine.name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t, engine.url(t)))
		})
	}
}

func open(t *testing.T, url string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), url, slog.New(slog.DiscardHandler))
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

// must fails the test unless err is nil.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantKind fails the test unless err is of a kind and has something to say.
func wantKind(t *testing.T, err, kind error) {
	t.Helper()
	var e *slipway.Error
	if !errors.As(err, &e) || !errors.Is(err, kind) || e.Message == "" {
		t.Errorf("error is %v (%s), want one of kind %v", err, slipway.Code(err), kind)
	}
}

// ref names a function of the default tenant.
func ref(function string) slipway.FunctionRef {
	return slipway.FunctionRef{Tenant: slipway.DefaultTenant, Function: function}
}

// addFunction makes a function of the default tenant.
func addFunction(t *testing.T, s *store.Store, name string) slipway.FunctionRef {
	t.Helper()
	must(t, s.CreateFunction(t.Context(), slipway.Function{Tenant: slipway.DefaultTenant, Name: name, Config: slipway.DefaultConfig()}))
	return ref(name)
}

// addVersion makes a version that is building.
func addVersion(t *testing.T, s *store.Store, ref slipway.FunctionRef) slipway.Version {
	t.Helper()
	v, err := s.AddVersion(t.Context(), slipway.Version{Tenant: ref.Tenant, Function: ref.Function, Config: slipway.DefaultConfig()})
	must(t, err)
	return v
}

// deploy makes a ready version and points an alias at it.
func deploy(t *testing.T, s *store.Store, ref slipway.FunctionRef, alias string) slipway.Version {
	t.Helper()
	v := addVersion(t, s, ref)
	v.State, v.Digest, v.Protocol, v.Runtime = slipway.VersionReady, "sha256:0123", slipway.ProtocolHTTP, slipway.RuntimeGo
	finish(t, s, v, alias)
	return v
}

// finish ends the making of a version, and says whether alias names it.
func finish(t *testing.T, s *store.Store, v slipway.Version, alias string) bool {
	t.Helper()
	moved, err := s.FinishVersion(t.Context(), v, alias, nil)
	must(t, err)
	return moved
}

func finishError(t *testing.T, s *store.Store, v slipway.Version) error {
	t.Helper()
	_, err := s.FinishVersion(t.Context(), v, "", nil)
	return err
}

func putAlias(t *testing.T, s *store.Store, a slipway.Alias) slipway.Alias {
	t.Helper()
	a, err := s.PutAlias(t.Context(), a)
	must(t, err)
	return a
}

func addTenant(t *testing.T, s *store.Store, name string) {
	t.Helper()
	_, created, err := s.PutTenant(t.Context(), slipway.Tenant{Name: name})
	must(t, err)
	if !created {
		t.Fatalf("tenant %s was there already", name)
	}
}

// atOnce runs fn n times at the same time and fails the test for each error.
func atOnce(t *testing.T, n int, fn func(i int) error) {
	t.Helper()
	results := make(chan error, n)
	for i := range n {
		go func() { results <- fn(i) }()
	}
	for range n {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}

func TestPing(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		must(t, s.Ping(t.Context()))
	})
}

func TestAMethodEndsWithItsContext(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		f := addFunction(t, s, "f")
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.Function(ended, f); !errors.Is(err, context.Canceled) {
			t.Errorf("read: %v", err)
		}
		if err := s.DeleteFunction(ended, f); !errors.Is(err, context.Canceled) {
			t.Errorf("write: %v", err)
		}
		late, cancel := context.WithDeadline(t.Context(), time.Unix(1, 0))
		defer cancel()
		_, err := s.Function(late, f)
		wantKind(t, err, slipway.ErrTimeout)
	})
}

// A write that waits for its turn gives up when its context ends.
func TestAWriterInLineEndsWithItsContext(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		f := addFunction(t, s, "f")
		ctx, cancel := context.WithCancel(t.Context())
		_, err := s.UpdateFunction(t.Context(), f, func(*slipway.Function) error {
			result := make(chan error)
			go func() { result <- s.DeleteFunction(ctx, f) }()
			cancel()
			if err := <-result; !errors.Is(err, context.Canceled) {
				t.Errorf("the second writer: %v", err)
			}
			return nil
		})
		must(t, err)
	})
}

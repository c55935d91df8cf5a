package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/gateway"
	"github.com/slipway-run/slipway/internal/testenv"
	"github.com/slipway-run/slipway/sdk"
)

func TestDeploy(t *testing.T) {
	w := newWorld(t)
	w.newInvoker("a")
	ctx := t.Context()

	var said []string
	v, err := w.api.DeploySource(ctx, "hello", strings.NewReader("source one"), sdk.Deploy{
		Config:  json.RawMessage(`{"memory_mb": 64, "env": {"GREETING": "grüß\nGott 👋"}}`),
		OnEvent: func(e slipway.BuildEvent) { said = append(said, e.Step+e.Text) },
	})
	must(t, err)
	if v.Number != 1 || v.State != slipway.VersionReady || v.Protocol != slipway.ProtocolHTTP || v.Config.MemoryMB != 64 {
		t.Errorf("version %+v", v)
	}
	if strings.Join(said, ",") != "compile,compiling" {
		t.Errorf("the build said %q", said)
	}
	f, err := w.api.Function(ctx, "hello")
	must(t, err)
	if f.Live != 1 || f.MemoryMB != 64 || f.Env["GREETING"] != "grüß\nGott 👋" {
		t.Errorf("the function after the deploy: %+v", f)
	}
	resp, body := w.event("POST", "/fn/hello", "at once")
	check(t, resp, body, 200, "at once")

	t.Run("unchanged is no new version", func(t *testing.T) {
		v, err := w.api.DeploySource(ctx, "hello", strings.NewReader("source one"), sdk.Deploy{})
		must(t, err)
		list, err := w.api.Versions(ctx, "hello", slipway.Page{})
		must(t, err)
		if v.Number != 1 || len(list.Items) != 1 {
			t.Errorf("version %d of %d", v.Number, len(list.Items))
		}
	})
	t.Run("an image archive and a reference", func(t *testing.T) {
		v, err := w.api.DeployArchive(ctx, "hello", strings.NewReader("an archive"), sdk.Deploy{})
		must(t, err)
		if f, err := w.api.Function(ctx, "hello"); err != nil || f.Live != v.Number {
			t.Errorf("version %d, live %d, %v", v.Number, f.Live, err)
		}
		v, err = w.api.DeployImage(ctx, "hello", "registry.example.com/app:1", sdk.Deploy{})
		must(t, err)
		if !strings.Contains(v.Image, "registry.example.com/app:1") {
			t.Errorf("image %s", v.Image)
		}
	})
}

func TestDeployWithoutWaiting(t *testing.T) {
	w := newWorld(t)
	w.newInvoker("a")
	resp, body := w.call("POST", "/v1/functions/hello/source", "source")
	check(t, resp, body, http.StatusAccepted, `"state":"running"`)
	var b slipway.Build
	must(t, json.Unmarshal([]byte(body), &b))
	if got := resp.Header.Get("Location"); got != "/v1/builds/"+b.ID {
		t.Errorf("location %q", got)
	}
	v, err := w.api.FollowBuild(t.Context(), b.ID, nil)
	must(t, err)
	if v.Number != 1 {
		t.Errorf("version %d", v.Number)
	}
	done, err := w.api.Build(t.Context(), b.ID)
	must(t, err)
	if done.State != slipway.BuildSucceeded || done.FinishedAt == nil {
		t.Errorf("build %+v", done)
	}
	var log []string
	must(t, w.api.BuildLog(t.Context(), b.ID, func(e slipway.BuildEvent) error {
		log = append(log, e.Step+e.Text)
		return nil
	}))
	if strings.Join(log, ",") != "compile,compiling," {
		t.Errorf("log %q", log)
	}
	if v, err := w.api.FollowBuild(t.Context(), b.ID, nil); err != nil || v.Number != 1 {
		t.Errorf("following a build that has ended: %d, %v", v.Number, err)
	}
}

func TestDeployThatFails(t *testing.T) {
	w := newWorld(t)
	i := w.newInvoker("a")
	w.publish("hello", nil)
	i.builds(func(_ slipway.BuildRequest, say func(slipway.BuildEvent)) slipway.BuildEvent {
		say(slipway.BuildEvent{Text: "main.go:3: undefined: x"})
		return slipway.BuildEvent{Error: "the build failed: exit status 1", Code: "invalid"}
	})
	var log []string
	_, err := w.api.DeploySource(t.Context(), "hello", strings.NewReader("bad"), sdk.Deploy{
		Config:  json.RawMessage(`{"memory_mb": 64}`),
		OnEvent: func(e slipway.BuildEvent) { log = append(log, e.Text) },
	})
	if !errors.Is(err, slipway.ErrInvalid) || !strings.Contains(err.Error(), "exit status 1") || len(log) != 1 {
		t.Errorf("%v, log %q", err, log)
	}
	f, err := w.api.Function(t.Context(), "hello")
	must(t, err)
	if f.Live != 1 || f.MemoryMB == 64 {
		t.Errorf("a deploy that failed changed live to %d, memory to %d", f.Live, f.MemoryMB)
	}
	v, err := w.api.Version(t.Context(), "hello", 2)
	must(t, err)
	if v.State != slipway.VersionFailed || !strings.Contains(v.Reason, "exit status 1") {
		t.Errorf("version %+v", v)
	}
	t.Run("the invoker goes away", func(t *testing.T) {
		i.handleBuildWith(func(context.Context, *slipway.Request) (*slipway.Response, error) {
			return answer(200, `{"text":"begun"}`), nil
		})
		_, err := w.api.DeploySource(t.Context(), "hello", strings.NewReader("x"), sdk.Deploy{})
		if !errors.Is(err, slipway.ErrUnavailable) || !strings.Contains(err.Error(), "deploy again") {
			t.Errorf("%v", err)
		}
	})
}

// TestBuildsAtOnce: live ends at the highest number, in whichever order builds finish.
func TestBuildsAtOnce(t *testing.T) {
	w := newWorld(t)
	i := w.newInvoker("a")
	go1, begun := make(chan struct{}), make(chan int, 2)
	i.builds(func(req slipway.BuildRequest, _ func(slipway.BuildEvent)) slipway.BuildEvent {
		begun <- req.Version.Version
		if req.Version.Version == 1 {
			<-go1
		}
		return built(req)
	})
	slow := make(chan error, 1)
	go func() {
		_, err := w.api.DeploySource(t.Context(), "hello", strings.NewReader("one"), sdk.Deploy{})
		slow <- err
	}()
	<-begun
	v, err := w.api.DeploySource(t.Context(), "hello", strings.NewReader("two"), sdk.Deploy{})
	must(t, err)
	close(go1)
	must(t, <-slow)
	f, err := w.api.Function(t.Context(), "hello")
	must(t, err)
	if v.Number != 2 || f.Live != 2 {
		t.Errorf("version %d was deployed last, %d is live", v.Number, f.Live)
	}
	if v, err := w.api.Version(t.Context(), "hello", 1); err != nil || v.State != slipway.VersionReady {
		t.Errorf("version 1 is %s, %v", v.State, err)
	}
}

// TestAlikeBuildsAtOnce: of two deploys of the same one is a version.
func TestAlikeBuildsAtOnce(t *testing.T) {
	w := newWorld(t)
	i := w.newInvoker("a")
	var both sync.WaitGroup
	both.Add(2)
	i.builds(func(req slipway.BuildRequest, _ func(slipway.BuildEvent)) slipway.BuildEvent {
		both.Done()
		both.Wait()
		return built(req)
	})
	numbers := make(chan int, 2)
	for range 2 {
		go func() {
			v, err := w.api.DeploySource(t.Context(), "hello", strings.NewReader("the same"), sdk.Deploy{})
			if err != nil {
				t.Error(err)
			}
			numbers <- v.Number
		}()
	}
	one, other := <-numbers, <-numbers
	list, err := w.api.Versions(t.Context(), "hello", slipway.Page{})
	must(t, err)
	if one != other || len(list.Items) != 1 {
		t.Errorf("versions %d and %d, of %d", one, other, len(list.Items))
	}
}

// TestDeployOutlivesItsClient: who goes away while a build runs stops nothing.
func TestDeployOutlivesItsClient(t *testing.T) {
	w := newWorld(t)
	i := w.newInvoker("a")
	finish, begun := make(chan struct{}), make(chan struct{})
	i.builds(func(req slipway.BuildRequest, _ func(slipway.BuildEvent)) slipway.BuildEvent {
		close(begun)
		<-finish
		return built(req)
	})
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() {
		_, err := w.api.DeploySource(ctx, "hello", strings.NewReader("one"), sdk.Deploy{})
		gone <- err
	}()
	<-begun
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	close(finish)
	testenv.Eventually(t, patience, func() error {
		f, err := w.api.Function(t.Context(), "hello")
		if err == nil && f.Live != 1 {
			err = fmt.Errorf("version %d is live", f.Live)
		}
		return err
	})
}

// TestStopFailsBuilds: a gateway that stops does not leave a build running for ever.
func TestStopFailsBuilds(t *testing.T) {
	w := newWorld(t)
	i := w.newInvoker("a")
	finish, begun := make(chan struct{}), make(chan struct{})
	i.builds(func(req slipway.BuildRequest, _ func(slipway.BuildEvent)) slipway.BuildEvent {
		close(begun)
		<-finish
		return built(req)
	})
	_, body := w.call("POST", "/v1/functions/hello/source", "source")
	var b slipway.Build
	must(t, json.Unmarshal([]byte(body), &b))
	<-begun
	w.stop()
	close(finish)
	b, err := w.store.Build(t.Context(), slipway.DefaultTenant, b.ID)
	must(t, err)
	if b.State != slipway.BuildFailed || !strings.Contains(b.Reason, "deploy again") {
		t.Errorf("build %+v", b)
	}
}

// TestRestartFailsBuilds: neither does one that was killed, once it starts again.
func TestRestartFailsBuilds(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	must(t, w.store.CreateFunction(ctx, slipway.Function{Tenant: "default", Name: "hello", Config: slipway.DefaultConfig()}))
	v, err := w.store.AddVersion(ctx, slipway.Version{Tenant: "default", Function: "hello", Config: slipway.DefaultConfig()})
	must(t, err)
	for id, owner := range map[string]string{"mine": "gw", "another's": "gw2"} {
		must(t, w.store.AddBuild(ctx, slipway.Build{ID: id, Tenant: "default", Function: "hello", Version: v.Number, Owner: owner}))
	}
	w.stop()
	w.start(slog.New(slog.DiscardHandler))
	for id, want := range map[string]slipway.BuildState{"mine": slipway.BuildFailed, "another's": slipway.BuildRunning} {
		if b, err := w.store.Build(ctx, "default", id); err != nil || b.State != want {
			t.Errorf("the build that is %s is %s, %v", id, b.State, err)
		}
	}
}

// TestConfigChange: what versions consist of is published; the rest takes effect at once.
func TestConfigChange(t *testing.T) {
	w := newWorld(t)
	i := w.newInvoker("a")
	ctx := t.Context()
	_, err := w.api.DeploySource(ctx, "hello", strings.NewReader("source"), sdk.Deploy{})
	must(t, err)

	t.Run("of the function alone", func(t *testing.T) {
		f, err := w.api.PutFunction(ctx, "hello", json.RawMessage(`{"scaling":{"max":2},"tags":{"a":"b"},"auth":"key","async":{"attempts":5}}`))
		must(t, err)
		if f.Live != 1 || f.Scaling.Max != 2 || f.Auth != "key" {
			t.Errorf("%+v", f)
		}
		resp, body := w.event("GET", "/fn/hello", "")
		check(t, resp, body, 401, "")
		_, err = w.api.PutFunction(ctx, "hello", json.RawMessage(`{"auth":"none"}`))
		must(t, err)
	})
	t.Run("of its versions", func(t *testing.T) {
		var asked slipway.BuildRequest
		i.builds(func(req slipway.BuildRequest, _ func(slipway.BuildEvent)) slipway.BuildEvent {
			asked = req
			return built(req)
		})
		f, err := w.api.PutFunction(ctx, "hello", json.RawMessage(`{"env":{"A":"1"}}`))
		must(t, err)
		v, err := w.api.Version(ctx, "hello", f.Live)
		must(t, err)
		if f.Live != 2 || f.Env["A"] != "1" || v.Config.Env["A"] != "1" || v.Runtime != slipway.RuntimeGo {
			t.Errorf("function %+v, version %+v", f, v)
		}
		if asked.Input != slipway.InputDigest || asked.Digest != v.Digest || asked.Config.Env["A"] != "1" {
			t.Errorf("the invoker was asked for %+v", asked)
		}
	})
	t.Run("that fails", func(t *testing.T) {
		i.builds(func(slipway.BuildRequest, func(slipway.BuildEvent)) slipway.BuildEvent {
			return slipway.BuildEvent{Error: "nothing listens on port 9", Code: "invalid"}
		})
		resp, body := w.call("PUT", "/v1/functions/hello", `{"port":9}`)
		check(t, resp, body, 400, "nothing listens on port 9")
		f, err := w.api.Function(ctx, "hello")
		must(t, err)
		if f.Live != 2 || f.Port == 9 {
			t.Errorf("live %d, port %d", f.Live, f.Port)
		}
	})
}

func TestUploads(t *testing.T) {
	w := newWorld(t, func(c *gateway.Config) { c.MaxUploadBytes = 1 << 20 })
	w.newInvoker("a")
	large := strings.Repeat("x", 1<<20+1)
	t.Run("too large", func(t *testing.T) {
		resp, body := w.call("POST", "/v1/functions/hello/source", large)
		check(t, resp, body, 413, "1 MiB")
	})
	t.Run("too large, with a length that is not known", func(t *testing.T) {
		_, err := w.api.DeploySource(t.Context(), "hello", struct{ io.Reader }{strings.NewReader(large)}, sdk.Deploy{})
		if !errors.Is(err, slipway.ErrTooLarge) {
			t.Errorf("%v", err)
		}
	})
	t.Run("deleted after the build", func(t *testing.T) {
		_, err := w.api.DeploySource(t.Context(), "hello", strings.NewReader("source"), sdk.Deploy{})
		must(t, err)
		testenv.Eventually(t, patience, func() error {
			has, err := w.bus.Blobs().Has(t.Context(), "sha256:41cf6794ba4200b839c53531555f0f3998df4cbb01a4d5cb0b94e3ca5e23947d")
			if err == nil && has {
				err = errors.New("the upload is still there")
			}
			return err
		})
	})
}

func TestSpecs(t *testing.T) {
	w := newWorld(t)
	v := w.publish("hello", func(c *slipway.Config) { c.Env = map[string]string{"A": "1"} })
	_, err := w.api.PutFunction(t.Context(), "hello", json.RawMessage(`{"scaling":{"max":7}}`))
	must(t, err)
	var spec slipway.Spec
	must(t, w.bus.Ask(t.Context(), specSubject, v.Ref(), &spec))
	if spec.VersionRef != v.Ref() || spec.Digest != v.Digest || spec.Config.Env["A"] != "1" || spec.Config.Scaling.Max != 7 {
		t.Errorf("%+v", spec)
	}
	err = w.bus.Ask(t.Context(), specSubject, slipway.VersionRef{Tenant: "default", Function: "hello", Version: 9}, &spec)
	if !errors.Is(err, slipway.ErrNotFound) {
		t.Errorf("an unknown version: %v", err)
	}
}

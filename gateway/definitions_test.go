package gateway_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/sdk"
)

// containsText says whether a JSON document has a text, escaped as it may be.
func containsText(body, text string) bool {
	quoted, _ := json.Marshal(text)
	return strings.Contains(body, strings.Trim(string(quoted), `"`))
}

func TestDefinitionOfAFunction(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	v := w.publish("hello", nil)
	resp, body := w.call("PUT", "/v1/job-definitions/words", `{"image":"hello","command":["/bin/words","Ref::lang"],"parameters":{"lang":"en"},"retry":{"evaluate_on_exit":[{"on_reason":"OutOfMemory: *","action":"RETRY","memory_factor":2}]}}`)
	check(t, resp, body, 201, `"revision":1`)
	d, err := w.api.Definition(ctx, "words")
	must(t, err)
	if d.Digest != v.Digest || d.Retry.Attempts != 1 || d.MemoryMB != 64 || !d.Active {
		t.Errorf("%+v", d)
	}

	// The same is no new revision; a change is, and keeps the rest.
	resp, body = w.call("PUT", "/v1/job-definitions/words", `{"image":"hello"}`)
	check(t, resp, body, 200, `"revision":1`)
	d, err = w.api.PutDefinition(ctx, "words", map[string]any{"memory_mb": 128, "image": "hello:1", "command": []string{"/bin/words"}})
	must(t, err)
	if d.Revision != 2 || d.MemoryMB != 128 || d.Parameters["lang"] != "en" || len(d.Command) != 1 || len(d.Retry.EvaluateOnExit) != 1 {
		t.Errorf("second revision %+v", d)
	}
	first, err := w.api.Definition(ctx, "words:1")
	must(t, err)
	if first.MemoryMB != 64 || len(first.Command) != 2 {
		t.Errorf("the first revision changed: %+v", first)
	}
	if all, err := w.api.Definitions(ctx, "words"); err != nil || len(all) != 2 || all[0].Revision != 2 {
		t.Errorf("revisions %+v, %v", all, err)
	}

	must(t, w.api.DeleteDefinition(ctx, "words:2"))
	if d, err := w.api.Definition(ctx, "words"); err != nil || d.Revision != 1 {
		t.Errorf("the newest active one is %d, %v", d.Revision, err)
	}
	must(t, w.api.DeleteDefinition(ctx, "words"))
	if _, err := w.api.Definition(ctx, "words"); !errors.Is(err, slipway.ErrNotFound) {
		t.Errorf("nothing is active: %v", err)
	}
	if d, err := w.api.Definition(ctx, "words:2"); err != nil || d.Active {
		t.Errorf("an inactive revision: %+v, %v", d, err)
	}
}

func TestDefinitionsRefused(t *testing.T) {
	w := newWorld(t)
	w.publish("hello", nil)
	for _, c := range []struct{ body, say string }{
		{`{}`, `image: one is needed`},
		{`{"image":"nobody"}`, `image: function "nobody" does not exist; an image of a registry is written with its host`},
		{`{"image":"hello:9"}`, `version 9 of function "hello" does not exist`},
		{`{"image":"hello:candidate"}`, `function "hello" has no version "candidate"`},
		{`{"image":"hello","memory":1}`, `memory`},
		{`{"image":"hello","command":[""]}`, `command: the first word is the program and cannot be empty`},
		{`{"image":"hello","command":["a\u0000"]}`, `command: a zero byte is not allowed`},
		{`{"image":"hello","env":{"SLIPWAY_JOB_ID":"1"}}`, `"SLIPWAY_JOB_ID" is not allowed`},
		{`{"image":"hello","timeout":5}`, `duration 5: write it as text`},
		{`{"image":"hello","retry":{"attempts":11}}`, `retry.attempts: 11 is not allowed; it must be between 1 and 10`},
	} {
		resp, body := w.call("PUT", "/v1/job-definitions/x", c.body)
		check(t, resp, body, 400, "")
		if !containsText(body, c.say) {
			t.Errorf("%s: %s, want %q", c.body, body, c.say)
		}
	}
	// Its function went away: the revision still has its image, a new one has not.
	ctx := t.Context()
	_, err := w.api.PutDefinition(ctx, "kept", map[string]any{"image": "hello"})
	must(t, err)
	must(t, w.api.DeleteFunction(ctx, "hello"))
	if _, err := w.api.PutDefinition(ctx, "kept", map[string]any{"memory_mb": 32}); !errors.Is(err, slipway.ErrInvalid) || !strings.Contains(err.Error(), `function "hello" does not exist`) {
		t.Errorf("a revision of a function that is gone: %v", err)
	}
	if _, err := w.api.Definition(ctx, "kept:1"); err != nil {
		t.Errorf("the revision of before: %v", err)
	}
}

func TestDefinitionFromSource(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	inv := w.newInvoker("one")
	var asked slipway.BuildRequest
	inv.builds(func(req slipway.BuildRequest, say func(slipway.BuildEvent)) slipway.BuildEvent {
		asked = req
		say(slipway.BuildEvent{Step: "compile"})
		return built(req)
	})
	said := 0
	register := func(patch any) (slipway.JobDefinition, error) {
		return w.api.RegisterSource(ctx, "words", strings.NewReader("source"), sdk.Register{Handler: "./cmd", Patch: patch, OnEvent: func(slipway.BuildEvent) { said++ }})
	}
	d, err := register(map[string]any{"memory_mb": 32, "env": map[string]string{"GREETING": "grüß dich"}})
	must(t, err)
	if d.Revision != 1 || d.MemoryMB != 32 || d.Env["GREETING"] != "grüß dich" || d.Digest == "" || said == 0 {
		t.Errorf("%+v after %d events", d, said)
	}
	if !asked.Program || asked.Config.Handler != "./cmd" || asked.Input != slipway.InputSource {
		t.Errorf("the invoker was asked %+v", asked)
	}
	// The same source and document are no new revision.
	if d, err := register(nil); err != nil || d.Revision != 1 {
		t.Errorf("again: %+v, %v", d, err)
	}
	// A change of the rest keeps the image.
	d, err = w.api.PutDefinition(ctx, "words", map[string]any{"cpu": 1})
	must(t, err)
	if d.Revision != 2 || d.Digest == "" || d.MemoryMB != 32 {
		t.Errorf("%+v", d)
	}
	// What cannot be is refused before anything is uploaded.
	if _, err := register(map[string]any{"memory_mb": 1}); err == nil || !strings.Contains(err.Error(), "memory_mb: 1 is not allowed") {
		t.Errorf("%v", err)
	}

	// Without wait the build can be asked for, as any other.
	resp, body := w.call("POST", "/v1/job-definitions/words/source", "other source")
	check(t, resp, body, 202, `"definition":"words"`)
	var b slipway.Build
	must(t, json.Unmarshal([]byte(body), &b))
	if _, err := w.api.FollowBuild(ctx, b.ID, nil); err != nil {
		t.Errorf("follow it: %v", err)
	}
	done, err := w.api.Build(ctx, b.ID)
	must(t, err)
	if done.State != slipway.BuildSucceeded || done.Version != 3 || done.Function != "" {
		t.Errorf("%+v", done)
	}

	inv.builds(func(slipway.BuildRequest, func(slipway.BuildEvent)) slipway.BuildEvent {
		return slipway.BuildEvent{Error: "main.go:1: no", Code: "invalid"}
	})
	if _, err := w.api.RegisterSource(ctx, "words", strings.NewReader("broken"), sdk.Register{}); !errors.Is(err, slipway.ErrInvalid) || !strings.Contains(err.Error(), "main.go:1: no") {
		t.Errorf("a build that fails: %v", err)
	}
	if all, err := w.api.Definitions(ctx, "words"); err != nil || len(all) != 3 {
		t.Errorf("%d revisions, %v", len(all), err)
	}
}

func TestDefinitionOfAReference(t *testing.T) {
	w := newWorld(t)
	w.newInvoker("one")
	d, err := w.api.PutDefinition(t.Context(), "busy", map[string]any{"image": "docker.io/library/busybox:1.36", "command": []string{"true"}})
	must(t, err)
	if d.Revision != 1 || d.Digest == "" || len(d.Command) != 1 {
		t.Errorf("%+v", d)
	}
}

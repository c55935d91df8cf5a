package gateway_test

import (
	"errors"
	"testing"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/sdk"
)

func TestQueuesAndEnvironments(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()

	// Those named default are there without being made.
	queues, err := w.api.Queues(ctx)
	must(t, err)
	if len(queues) != 1 || queues[0].Name != "default" || queues[0].Policy.Type != "fifo" {
		t.Errorf("at first: %+v", queues)
	}
	resp, body := w.call("PUT", "/v1/compute-environments/small", `{"type":"managed","max_vcpus":2}`)
	check(t, resp, body, 201, `"max_vcpus":2`)
	resp, body = w.call("PUT", "/v1/queues/night", `{"priority":-5,"compute_environments":["small","default"],"policy":{"type":"fair","shares":{"a":1,"b":2}},"key_limits":{"x":3}}`)
	check(t, resp, body, 201, `"priority":-5`)

	// A partial document is laid over what is there; null takes a key away.
	q, err := w.api.PutQueue(ctx, "night", map[string]any{"state": "disabled", "policy": map[string]any{"shares": map[string]any{"a": nil, "c": 4}}})
	must(t, err)
	if q.Priority != -5 || q.State != slipway.Disabled || len(q.Policy.Shares) != 2 || q.Policy.Shares["c"] != 4 || q.Policy.Shares["a"] != 0 || len(q.ComputeEnvironments) != 2 {
		t.Errorf("after the merge: %+v", q)
	}
	// What was read can be written back.
	if _, err := w.api.PutQueue(ctx, "night", q); err != nil {
		t.Errorf("written back: %v", err)
	}

	for _, c := range []struct{ path, body, say string }{
		{"/v1/queues/night", `{"prioritty":1}`, `prioritty`},
		{"/v1/queues/night", `{"priority":"high"}`, `priority: a string is not allowed here`},
		{"/v1/queues/night", `{"priority":1.5}`, `priority`},
		{"/v1/queues/night", `{"priority":2000000}`, `priority: 2000000 is not allowed; it must be between -1000000 and 1000000`},
		{"/v1/queues/night", `{"name":"day"}`, `name: "day" is not allowed`},
		{"/v1/queues/night", `[1]`, `the body`},
		{"/v1/queues/night", `null`, `one JSON object is expected`},
		{"/v1/queues/night", `{} {}`, `more follows`},
		{"/v1/queues/night", `{"compute_environments":["nowhere"]}`, `"nowhere" does not exist`},
		{"/v1/queues/night", `{"compute_environments":["default","default"]}`, `named twice`},
		{"/v1/queues/bad.name", `{}`, `bad.name`},
		{"/v1/compute-environments/small", `{"max_vcpus":0}`, `max_vcpus`},
		{"/v1/compute-environments/small", `{"min_vcpus":3}`, `min_vcpus: 3 is not allowed; it must be between 0 and 2`},
		{"/v1/compute-environments/small", `{"type":"spot"}`, `managed or unmanaged`},
	} {
		resp, body := w.call("PUT", c.path, c.body)
		check(t, resp, body, 400, "")
		if !containsText(body, c.say) {
			t.Errorf("PUT %s %s: %s, want %q", c.path, c.body, body, c.say)
		}
	}

	if err := w.api.DeleteEnvironment(ctx, "small"); !errors.Is(err, slipway.ErrConflict) {
		t.Errorf("an environment that is used: %v", err)
	}
	must(t, w.api.DeleteQueue(ctx, "night"))
	must(t, w.api.DeleteEnvironment(ctx, "small"))
	if _, err := w.api.Queue(ctx, "night"); !errors.Is(err, slipway.ErrNotFound) {
		t.Errorf("after deleting: %v", err)
	}
}

func TestQueuesOfAnotherTenant(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	other := w.tenant("other")
	_, err := w.api.PutQueue(ctx, "mine", nil)
	must(t, err)
	_, err = w.api.PutEnvironment(ctx, "mine", nil)
	must(t, err)
	w.publish("hello", nil)
	_, err = w.api.PutDefinition(ctx, "mine", map[string]any{"image": "hello"})
	must(t, err)
	for what, err := range map[string]error{
		"queue":       second(other.Queue(ctx, "mine")),
		"environment": second(other.Environment(ctx, "mine")),
		"definition":  second(other.Definition(ctx, "mine")),
		"delete":      other.DeleteQueue(ctx, "mine"),
		"deactivate":  other.DeleteDefinition(ctx, "mine"),
	} {
		if !errors.Is(err, slipway.ErrNotFound) {
			t.Errorf("%s of another tenant: %v", what, err)
		}
	}
	if _, err := other.PutDefinition(ctx, "theirs", map[string]any{"image": "hello"}); !errors.Is(err, slipway.ErrInvalid) {
		t.Errorf("a definition of another tenant's function: %v", err)
	}
	if all, err := other.Queues(ctx); err != nil || len(all) != 1 {
		t.Errorf("the other tenant's queues: %+v, %v", all, err)
	}
}

// tenant makes a tenant and gives a client with an admin key of it.
func (w *world) tenant(name string) *sdk.Client {
	w.t.Helper()
	_, err := w.api.PutTenant(w.t.Context(), name, 0)
	must(w.t, err)
	secret := "slipway_" + name
	must(w.t, w.store.AddKey(w.t.Context(), slipway.Key{ID: name, Tenant: name, Scopes: []string{slipway.ScopeAdmin}, Hash: hashOf(secret)}))
	return sdk.New(w.url, secret)
}

// second is the error of a call with two results.
func second[T any](_ T, err error) error { return err }

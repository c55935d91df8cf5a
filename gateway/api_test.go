package gateway_test

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/gateway"
	"github.com/slipway-run/slipway/internal/testenv"
	"github.com/slipway-run/slipway/sdk"
)

var update = flag.Bool("update", false, "write the golden files anew")

func hashOf(secret string) [32]byte { return sha256.Sum256([]byte(secret)) }

func TestOpenAPI(t *testing.T) {
	w := newWorld(t)
	resp, body := w.event("GET", "/openapi.json", "")
	check(t, resp, body, 200, "3.1.0")
	var doc any
	must(t, json.Unmarshal([]byte(body), &doc))
	got, err := json.MarshalIndent(doc, "", "  ")
	must(t, err)
	golden := filepath.Join("testdata", "openapi.json")
	if *update {
		must(t, os.MkdirAll("testdata", 0o755))
		must(t, os.WriteFile(golden, append(got, '\n'), 0o644))
	}
	want, err := os.ReadFile(golden)
	must(t, err)
	if strings.TrimSpace(string(want)) != string(got) {
		t.Errorf("the API's description has changed; if that is meant, run go test ./gateway -run TestOpenAPI -update and look at the difference")
	}
}

func TestFunctions(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()

	resp, body := w.call("PUT", "/v1/functions/hello", `{"memory_mb":64,"env":{"A":"1","B":"2"}}`)
	check(t, resp, body, 201, `"memory_mb":64`)
	if resp.Header.Get("X-Request-Id") == "" {
		t.Error("the answer has no request id")
	}
	f, err := w.api.PutFunction(ctx, "hello", json.RawMessage(`{"env":{"B":null,"C":"3"},"scaling":{"max":3}}`))
	must(t, err)
	if f.MemoryMB != 64 || f.Scaling.Max != 3 || len(f.Env) != 2 || f.Env["C"] != "3" {
		t.Errorf("after the merge: %+v", f.Config)
	}
	if want := "http://hello.localhost:" + w.addr[strings.LastIndex(w.addr, ":")+1:] + "/"; f.URL != want {
		t.Errorf("url %q, want %q", f.URL, want)
	}
	for _, name := range []string{"b", "c", "d"} {
		_, err := w.api.PutFunction(ctx, name, nil)
		must(t, err)
	}
	list, err := w.api.Functions(ctx, slipway.Page{Limit: 3})
	must(t, err)
	if len(list.Items) != 3 || list.Next == "" {
		t.Errorf("the first part has %d items, next %q", len(list.Items), list.Next)
	}
	all, err := w.api.AllFunctions(ctx)
	must(t, err)
	if len(all) != 4 {
		t.Errorf("%d functions", len(all))
	}
	must(t, w.api.DeleteFunction(ctx, "hello"))
	if _, err := w.api.Function(ctx, "hello"); !errors.Is(err, slipway.ErrNotFound) {
		t.Errorf("after deleting: %v", err)
	}
}

func TestBadCalls(t *testing.T) {
	w := newWorld(t)
	w.publish("hello", nil)
	tests := []struct {
		name, method, path, body string
		status                   int
		part                     string
	}{
		{"an unknown call", "GET", "/v1/nothing", "", 404, "openapi.json"},
		{"a method that is not one", "PATCH", "/v1/functions/x", "", 400, "PATCH"},
		{"a bad name", "PUT", "/v1/functions/No_Good", "{}", 400, "lower-case"},
		{"two hyphens", "PUT", "/v1/functions/a--b", "{}", 400, "hyphens"},
		{"an unknown field", "PUT", "/v1/functions/x", `{"memroy_mb":64}`, 400, "memroy_mb"},
		{"a wrong type", "PUT", "/v1/functions/x", `{"memory_mb":"much"}`, 400, "memory_mb"},
		{"out of bounds", "PUT", "/v1/functions/x", `{"memory_mb":5}`, 400, "between 16 and 65536"},
		{"no JSON", "PUT", "/v1/functions/x", `memory`, 400, "invalid"},
		{"more than one document", "PUT", "/v1/functions/x", `{} {}`, 400, "one JSON object"},
		{"too large a document", "PUT", "/v1/functions/x", `{"handler":"` + strings.Repeat("x", 2<<20) + `"}`, 413, "1 MiB"},
		{"an unknown function", "GET", "/v1/functions/x", "", 404, `function \"x\" does not exist`},
		{"a page that cannot be", "GET", "/v1/functions?limit=0", "", 400, "between 1 and 1000"},
		{"a cursor that is none", "GET", "/v1/functions?cursor=!", "", 400, "cursor"},
		{"a version that is none", "GET", "/v1/functions/hello/versions/one", "", 400, "number"},
		{"an unknown version", "GET", "/v1/functions/hello/versions/9", "", 404, "9"},
		{"an unknown build", "GET", "/v1/builds/nope", "", 404, "nope"},
		{"an alias of nothing", "PUT", "/v1/functions/hello/aliases/a", `{}`, 400, "version"},
		{"an alias of an unknown version", "PUT", "/v1/functions/hello/aliases/a", `{"version":9}`, 404, "9"},
		{"weights over one", "PUT", "/v1/functions/hello/aliases/a", `{"version":1,"weights":{"2":1.5}}`, 400, "between 0 and 1"},
		{"live cannot go", "DELETE", "/v1/functions/hello/aliases/live", "", 409, "live"},
		{"nothing to go back to", "POST", "/v1/functions/hello/rollback", "", 409, "no ready version before"},
		{"an unknown scope", "POST", "/v1/keys", `{"scopes":["root"]}`, 400, "root"},
		{"a key that has expired", "POST", "/v1/keys", `{"expires_at":"2001-01-01T00:00:00Z"}`, 400, "passed"},
		{"logs since when", "GET", "/v1/functions/hello/logs?since=yesterday", "", 400, "since"},
		{"an empty upload", "POST", "/v1/functions/hello/source", "", 400, "empty"},
		{"a runtime that is none", "POST", "/v1/functions/hello/source?runtime=cobol", "x", 400, "cobol"},
		{"an image without a reference", "POST", "/v1/functions/hello/image", `{"image":" "}`, 400, "reference"},
		{"an image with an unknown field", "POST", "/v1/functions/hello/image", `{"imgae":"x"}`, 400, "imgae"},
		{"waiting how", "POST", "/v1/functions/hello/source?wait=perhaps", "x", 400, "wait"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp, body := w.call(tt.method, tt.path, tt.body)
			check(t, resp, body, tt.status, tt.part)
			var doc struct {
				Error struct {
					Code, Message string
					RequestID     string `json:"request_id"`
				}
			}
			must(t, json.Unmarshal([]byte(body), &doc))
			if doc.Error.Code == "" || doc.Error.RequestID == "" || doc.Error.RequestID != resp.Header.Get("X-Request-Id") {
				t.Errorf("not an error document: %s", body)
			}
		})
	}
}

func TestKeys(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.publish("open", nil)
	w.newInvoker("a")

	t.Run("needed", func(t *testing.T) {
		resp, body := w.event("GET", "/v1/functions", "")
		check(t, resp, body, 401, "SLIPWAY_KEY")
		resp, body = w.event("GET", "/v1/functions", "", "Authorization", "Bearer wrong")
		check(t, resp, body, 401, "unauthorized")
		resp, body = w.event("GET", "/healthz", "")
		check(t, resp, body, 200, "ok")
	})
	t.Run("scopes", func(t *testing.T) {
		key, err := w.api.AddKey(ctx, []string{slipway.ScopeInvoke}, nil)
		must(t, err)
		limited := sdk.New(w.url, key.Secret)
		if _, err := limited.AllFunctions(ctx); !errors.Is(err, slipway.ErrForbidden) {
			t.Errorf("listing functions with a key to invoke: %v", err)
		}
		_, err = limited.Invoke(ctx, "open", nil, sdk.Invocation{})
		must(t, err)
	})
	t.Run("deleted", func(t *testing.T) {
		key, err := w.api.AddKey(ctx, nil, nil)
		must(t, err)
		other := sdk.New(w.url, key.Secret)
		_, err = other.Keys(ctx)
		must(t, err)
		must(t, w.api.DeleteKey(ctx, key.ID))
		if _, err := other.Keys(ctx); !errors.Is(err, slipway.ErrUnauthorized) {
			t.Errorf("with a deleted key: %v", err)
		}
		if err := w.api.DeleteKey(ctx, key.ID); !errors.Is(err, slipway.ErrNotFound) {
			t.Errorf("deleting it again: %v", err)
		}
	})
	t.Run("expired", func(t *testing.T) {
		soon := time.Now().Add(200 * time.Millisecond)
		key, err := w.api.AddKey(ctx, nil, &soon)
		must(t, err)
		testenv.Eventually(t, patience, func() error {
			if _, err := sdk.New(w.url, key.Secret).Keys(ctx); !errors.Is(err, slipway.ErrUnauthorized) {
				return errors.New("it still works")
			}
			return nil
		})
	})
	t.Run("the secret is shown once", func(t *testing.T) {
		resp, body := w.call("POST", "/v1/keys", "")
		check(t, resp, body, http.StatusCreated, `"key":"slipway_`)
		resp, body = w.call("GET", "/v1/keys", "")
		check(t, resp, body, 200, `"scopes":["admin"]`)
		if strings.Contains(body, "slipway_") {
			t.Errorf("the list shows a secret: %s", body)
		}
	})
}

func TestAuthOff(t *testing.T) {
	w := newWorld(t, func(c *gateway.Config) { c.AuthOff = true })
	resp, body := w.event("PUT", "/v1/functions/hello", "")
	check(t, resp, body, 201, `"tenant":"default"`)
}

func TestVersionsAndAliases(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.newInvoker("a")
	for range 3 {
		w.publish("hello", nil)
	}
	list, err := w.api.Versions(ctx, "hello", slipway.Page{Limit: 2})
	must(t, err)
	if len(list.Items) != 2 || list.Items[0].Number != 3 || list.Next == "" {
		t.Errorf("versions: %+v", list)
	}
	resp, body := w.call("PUT", "/v1/functions/hello/aliases/canary", `{"version":2,"weights":{"3":1}}`)
	check(t, resp, body, 201, `"weights":{"3":1}`)
	resp, _ = w.event("GET", "/fn/hello:canary", "")
	if got := resp.Header.Get("X-Version"); got != "default/hello:3" {
		t.Errorf("all of canary goes to version 3, this went to %s", got)
	}
	aliases, err := w.api.Aliases(ctx, "hello")
	must(t, err)
	if len(aliases) != 2 {
		t.Errorf("aliases: %+v", aliases)
	}
	must(t, w.api.DeleteAlias(ctx, "hello", "canary"))
	resp, body = w.event("GET", "/fn/hello:canary", "")
	check(t, resp, body, 404, "canary")

	for _, want := range []int{2, 1} {
		v, err := w.api.Rollback(ctx, "hello", 0)
		must(t, err)
		resp, _ := w.event("GET", "/fn/hello", "")
		if v.Number != want || resp.Header.Get("X-Version") != v.Ref().String() {
			t.Errorf("rolled back to %d, the event went to %s; want %d", v.Number, resp.Header.Get("X-Version"), want)
		}
	}
	v, err := w.api.Rollback(ctx, "hello", 3)
	must(t, err)
	if v.Number != 3 {
		t.Errorf("version %d is live", v.Number)
	}
}

func TestInstancesAndStatus(t *testing.T) {
	w := newWorld(t)
	v := w.publish("hello", nil)
	w.newInvoker("a")
	b := w.newInvoker("b")
	instances, err := w.api.Instances(t.Context(), "hello")
	must(t, err)
	if len(instances) != 2 {
		t.Errorf("instances: %+v", instances)
	}
	b.publish(func(s *slipway.InvokerState) {
		s.Versions = []slipway.VersionCount{{VersionRef: v.Ref(), Instances: 2, Free: 1}}
	})
	testenv.Eventually(t, patience, func() error {
		return b.knownAs(func(s slipway.InvokerState) bool { return len(s.Versions) == 1 })
	})
	s, err := w.api.Status(t.Context())
	must(t, err)
	if len(s.Invokers) != 2 || s.Store != "ok" || s.Build != "test" {
		t.Errorf("status: %+v", s)
	}
	if len(s.Functions) != 1 || s.Functions[0] != (slipway.FunctionStatus{Function: "hello", Live: 1, Instances: 2, Free: 1}) {
		t.Errorf("functions: %+v", s.Functions)
	}
}

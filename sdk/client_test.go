package sdk_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/sdk"
)

// The gateway's tests call it with this client; here is what a gateway does not do.

func serve(t *testing.T, h http.HandlerFunc) *sdk.Client {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return sdk.New(server.URL+"/", "secret")
}

func TestErrors(t *testing.T) {
	tests := []struct {
		name   string
		status int
		body   string
		kind   error
		want   string
	}{
		{"the gateway's", 409, `{"error":{"code":"conflict","message":"it exists","request_id":"r"}}`, slipway.ErrConflict, "it exists"},
		{"inside of the platform", 500, `{"error":{"code":"internal","message":"a fault","request_id":"r7"}}`, slipway.ErrInternal, "r7"},
		{"of a kind that is newer than this client", 418, `{"error":{"code":"teapot","message":"short and stout"}}`, slipway.ErrInternal, "stout"},
		{"a proxy's", 502, "<h1>Bad Gateway</h1>\nnginx", slipway.ErrUnavailable, "<h1>Bad Gateway</h1>"},
		{"a proxy's limit", 413, "", slipway.ErrTooLarge, "413"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Retry-After", "7")
				w.WriteHeader(tt.status)
				io.WriteString(w, tt.body)
			})
			_, err := c.Function(t.Context(), "x")
			var known *slipway.Error
			if !errors.As(err, &known) || !errors.Is(err, tt.kind) || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("%v", err)
			}
			if strings.HasPrefix(tt.body, "{") && known.RetryAfter != 7*time.Second {
				t.Errorf("retry after %v", known.RetryAfter)
			}
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		_, err := sdk.New("http://127.0.0.1:1", "").Status(t.Context())
		if !errors.Is(err, slipway.ErrUnavailable) || !strings.Contains(err.Error(), "127.0.0.1:1") {
			t.Errorf("%v", err)
		}
	})
	t.Run("the caller gives up", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := sdk.New("http://127.0.0.1:1", "").Status(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	})
	t.Run("the stream of a build breaks off", func(t *testing.T) {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			io.WriteString(w, "event: log\ndata: {\"text\":\"begun\"}\n\n")
		})
		_, err := c.DeploySource(t.Context(), "x", strings.NewReader("x"), sdk.Deploy{})
		if !errors.Is(err, slipway.ErrUnavailable) || !strings.Contains(err.Error(), "broke off") {
			t.Errorf("%v", err)
		}
	})
}

// TestRequests: what is sent.
func TestRequests(t *testing.T) {
	var got *http.Request
	var body string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got, body = r, string(b)
		io.WriteString(w, "event: version\ndata: {\"version\":4}\n\n")
	})
	var sent int64
	v, err := c.DeploySource(t.Context(), "a/b", strings.NewReader("archive"), sdk.Deploy{
		Runtime: slipway.RuntimePython, Handler: "m.f", Config: []byte("{\n}"), Size: 7,
		OnUpload: func(n int64) { sent = n },
	})
	if err != nil || v.Number != 4 {
		t.Fatalf("version %d, %v", v.Number, err)
	}
	if want := "/v1/functions/a%2Fb/source?handler=m.f&runtime=python&wait=true"; got.RequestURI != want {
		t.Errorf("called %s, want %s", got.RequestURI, want)
	}
	if got.Header.Get("Authorization") != "Bearer secret" || got.Header.Get("X-Slipway-Config") != "{ }" || got.ContentLength != 7 {
		t.Errorf("header %v, length %d", got.Header, got.ContentLength)
	}
	if body != "archive" || sent != 7 {
		t.Errorf("sent %q, counted %d", body, sent)
	}
}

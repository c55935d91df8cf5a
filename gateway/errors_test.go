package gateway

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
)

func TestErrorTable(t *testing.T) {
	tests := []struct {
		err    error
		status int
		body   string
		header string
	}{
		{slipway.Errorf(slipway.ErrInvalid, "cpu: 99"), 400, `{"error":{"code":"invalid","message":"cpu: 99","request_id":"r"}}`, ""},
		{slipway.Errorf(slipway.ErrUnauthorized, "no"), 401, `"unauthorized"`, "Www-Authenticate"},
		{slipway.Errorf(slipway.ErrForbidden, "no"), 403, `"forbidden"`, ""},
		{slipway.Errorf(slipway.ErrNotFound, "no"), 404, `"not_found"`, ""},
		{slipway.Errorf(slipway.ErrConflict, "no"), 409, `"conflict"`, ""},
		{slipway.Errorf(slipway.ErrTooLarge, "no"), 413, `"too_large"`, ""},
		{&slipway.Error{Kind: slipway.ErrLimit, Message: "no", RetryAfter: 1500 * time.Millisecond}, 429, `"limit"`, "Retry-After: 2"},
		{slipway.Errorf(slipway.ErrTimeout, "no"), 504, `"timeout"`, ""},
		{slipway.Errorf(slipway.ErrUnavailable, "no"), 503, `"unavailable"`, "Retry-After: 1"},
		{slipway.Errorf(slipway.ErrInternal, "said on purpose"), 500, `"said on purpose"`, ""},
		{errors.New("dial tcp 10.0.0.1: secret"), 500, `"internal","message":"something went wrong`, ""},
		{fmt.Errorf("deploy: %w", slipway.Errorf(slipway.ErrNotFound, "no such image")), 404, `"no such image"`, ""},
		{fmt.Errorf("read: %w", slipway.ErrUnavailable), 503, `"read: unavailable"`, ""},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.status, tt.err), func(t *testing.T) {
			w := httptest.NewRecorder()
			writeError(w, tt.err, "r")
			if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.body) {
				t.Errorf("%d %s; want %d with %s", w.Code, w.Body, tt.status, tt.body)
			}
			name, value, _ := strings.Cut(tt.header, ": ")
			if got := w.Header().Get(name); name != "" && (got == "" || value != "" && got != value) {
				t.Errorf("%s is %q", name, got)
			}
		})
	}
}

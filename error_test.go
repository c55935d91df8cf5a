package slipway_test

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
)

func TestErrorKinds(t *testing.T) {
	err := fmt.Errorf("deploy: %w", slipway.Errorf(slipway.ErrNotFound, "open the archive: %w", fs.ErrNotExist))
	if !errors.Is(err, slipway.ErrNotFound) || !errors.Is(err, fs.ErrNotExist) {
		t.Error("kind or cause is lost")
	}
	if got := slipway.Code(err); got != "not_found" {
		t.Errorf("code = %q", got)
	}
	if got := err.Error(); got != "deploy: open the archive: file does not exist" {
		t.Errorf("message = %q", got)
	}
}

func TestCodeAndKindOf(t *testing.T) {
	if slipway.Code(nil) != "" || slipway.Code(errors.New("x")) != "internal" {
		t.Error("nil has no code, and an unknown error is internal")
	}
	for _, kind := range []error{slipway.ErrInvalid, slipway.ErrUnauthorized, slipway.ErrForbidden, slipway.ErrNotFound,
		slipway.ErrConflict, slipway.ErrTooLarge, slipway.ErrLimit, slipway.ErrTimeout, slipway.ErrUnavailable, slipway.ErrInternal} {
		if got := slipway.KindOf(slipway.Code(kind)); got != kind {
			t.Errorf("%v came back as %v", kind, got)
		}
	}
	if slipway.KindOf("nonsense") != slipway.ErrInternal {
		t.Error("an unknown code is internal")
	}
}

func TestRetryAfter(t *testing.T) {
	err := fmt.Errorf("acquire: %w", &slipway.Error{Kind: slipway.ErrLimit, Message: "full", RetryAfter: time.Second})
	if got := slipway.RetryAfter(err); got != time.Second {
		t.Errorf("retry after = %s", got)
	}
}

func TestExitString(t *testing.T) {
	tests := []struct {
		exit slipway.Exit
		want string
		ok   bool
	}{
		{slipway.Exit{}, "exit status 0", true},
		{slipway.Exit{Code: 3}, "exit status 3", false},
		{slipway.Exit{Signal: 9}, "signal: killed", false},
		{slipway.Exit{Signal: 9, OOM: true}, "killed by the kernel: out of memory", false},
		{slipway.Exit{Err: errors.New("gone")}, "lost: gone", false},
	}
	for _, tt := range tests {
		if got := tt.exit.String(); got != tt.want || tt.exit.Success() != tt.ok {
			t.Errorf("%+v: %q, success %v", tt.exit, got, tt.exit.Success())
		}
	}
}

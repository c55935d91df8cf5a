package main

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/slipway-run/slipway/bench/rig"
)

// server is a `slipway serve` of the demo's own.
type server struct{ *rig.Server }

// runtime is what the packager found the live version to be.
func (s server) runtime(ctx context.Context, function string) (string, error) {
	var versions struct {
		Items []struct{ Runtime, Protocol string }
	}
	if err := s.API(ctx, "GET", "/v1/functions/"+function+"/versions", "", &versions); err != nil {
		return "", err
	}
	if len(versions.Items) == 0 {
		return "", errors.New("no version")
	}
	return versions.Items[0].Runtime + "/" + versions.Items[0].Protocol, nil
}

// instances counts what runs of a function.
func (s server) instances(ctx context.Context, function string) (int, error) {
	var list struct{ Items []json.RawMessage }
	err := s.API(ctx, "GET", "/v1/functions/"+function+"/instances", "", &list)
	return len(list.Items), err
}

func lastLines(out []byte, n int) []string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[max(0, len(lines)-n):]
}

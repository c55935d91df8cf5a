package sdk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/slipway-run/slipway"
)

// Build is one build.
func (c *Client) Build(ctx context.Context, id string) (slipway.Build, error) {
	var b slipway.Build
	err := c.do(ctx, http.MethodGet, path("v1", "builds", id), nil, nil, &b)
	return b, err
}

// BuildLog calls each with everything that a build has said until now.
func (c *Client) BuildLog(ctx context.Context, id string, each func(slipway.BuildEvent) error) error {
	resp, err := c.send(ctx, call{method: http.MethodGet, path: path("v1", "builds", id, "logs")})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return eachJSON(resp.Body, each)
}

// FollowBuild calls onEvent with everything that a build says, and returns the version
// that it led to when it has ended; of a build for a job definition that is empty. onEvent may be nil.
func (c *Client) FollowBuild(ctx context.Context, id string, onEvent func(slipway.BuildEvent)) (slipway.Version, error) {
	resp, err := c.send(ctx, call{
		method: http.MethodGet, path: path("v1", "builds", id, "logs"),
		query: url.Values{"follow": {"true"}},
	})
	if err != nil {
		return slipway.Version{}, err
	}
	defer resp.Body.Close()
	return readVersion(ctx, resp.Body, onEvent)
}

// readVersion reads the events of a build to the version that it made. That of a build for
// a job definition is empty.
func readVersion(ctx context.Context, stream io.Reader, onEvent func(slipway.BuildEvent)) (v slipway.Version, err error) {
	made, err := readBuild(ctx, stream, onEvent)
	if err == nil && made.version != nil {
		err = json.Unmarshal(made.version, &v)
	}
	return v, err
}

// outcome is what a build made: one of them, as JSON.
type outcome struct{ version, definition []byte }

// readBuild reads the events of a build to its outcome.
func readBuild(ctx context.Context, stream io.Reader, onEvent func(slipway.BuildEvent)) (outcome, error) {
	for events := newEventReader(stream); ; {
		event, data, err := events.next()
		if err != nil {
			return outcome{}, brokenStream(ctx, err)
		}
		switch event {
		case "version":
			return outcome{version: data}, nil
		case "definition":
			return outcome{definition: data}, nil
		case "error":
			return outcome{}, eventError(data)
		case "log", "step", "progress":
			var e slipway.BuildEvent
			if err := json.Unmarshal(data, &e); err != nil {
				return outcome{}, fmt.Errorf("read an event of the build: %w", err)
			}
			if onEvent != nil {
				onEvent(e)
			}
		}
	}
}

func eventError(data []byte) error {
	var doc errorDocument
	if err := json.Unmarshal(data, &doc); err != nil {
		return fmt.Errorf("read the error that ended the stream: %w", err)
	}
	return doc.asError()
}

// brokenStream is why a stream ended before it said how.
func brokenStream(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return slipway.Errorf(slipway.ErrUnavailable, "the connection to the gateway broke off; what it was doing goes on (%w)", err)
}

// eachJSON calls each with every document of a stream.
func eachJSON[T any](r io.Reader, each func(T) error) error {
	for dec := json.NewDecoder(r); ; {
		var v T
		if err := dec.Decode(&v); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read the stream: %w", err)
		}
		if err := each(v); err != nil {
			return err
		}
	}
}

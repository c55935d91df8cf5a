package invoker

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/slipway-run/slipway"
)

// maxBuildRequest bounds the message that asks for a build; uploads do not come in it.
const maxBuildRequest = 1 << 20

// Build packs and then checks: an instance of the new version must become ready. That
// instance goes to the pool, so that the first event is warm. A program for jobs is not
// started: it may need arguments, and do its work when it has none. The error is complete
// and for a person; it is ErrInvalid when what was uploaded is to blame.
func (i *Invoker) Build(ctx context.Context, req slipway.BuildRequest, emit func(slipway.BuildEvent)) (slipway.BuildResult, error) {
	result, err := i.packer.Build(ctx, req, emit)
	if err != nil {
		return slipway.BuildResult{}, err
	}
	if _, err := i.images.Prepare(ctx, result.Digest); err != nil { // once per image: no part of a start
		return slipway.BuildResult{}, err
	}
	if req.Program {
		return result, nil
	}
	emit(slipway.BuildEvent{At: time.Now(), Step: "check"})
	began := time.Now()
	spec := specOf(req, result)
	result.Protocol, err = i.check(ctx, spec)
	if err != nil {
		return slipway.BuildResult{}, err
	}
	emit(slipway.BuildEvent{At: time.Now(), Text: checked(result.Protocol, spec.Config, time.Since(began))})
	return result, nil
}

// specOf is the version as it will be published: an instance that was started with
// anything else would not be used for its events.
func specOf(req slipway.BuildRequest, result slipway.BuildResult) slipway.Spec {
	spec := slipway.Spec{VersionRef: req.Version, Digest: result.Digest, Protocol: req.Config.Protocol, Config: req.Config}
	if spec.Config.Handler == "" {
		spec.Config.Handler = result.Handler
	}
	return spec
}

// check starts an instance and says which protocol it speaks.
func (i *Invoker) check(ctx context.Context, spec slipway.Spec) (slipway.Protocol, error) {
	lease, err := i.pool.Acquire(ctx, spec, 0)
	if err != nil {
		return "", err
	}
	in, ok := lease.Instance.(*instance)
	if !ok {
		lease.Release(false)
		return "", slipway.Errorf(slipway.ErrInternal, "the pool gave an instance of another kind")
	}
	lease.Release(in.runner != nil)
	return in.Protocol(), nil
}

func checked(p slipway.Protocol, c slipway.Config, took time.Duration) string {
	took = took.Round(100 * time.Microsecond)
	switch p {
	case slipway.ProtocolHTTP:
		return fmt.Sprintf("it listens on port %d, %s after its start (protocol http)", c.Port, took)
	case slipway.ProtocolLambda:
		return fmt.Sprintf("it asks the Runtime API for events, %s after its start (protocol lambda)", took)
	default:
		return "it reads its standard input and ends (protocol stdio)"
	}
}

// serveBuild answers a gateway with the stream of a build's events, one JSON document
// a line; the last has the Result or an Error. A gateway that goes away ends the build.
func (i *Invoker) serveBuild(ctx context.Context, r *slipway.Request) (*slipway.Response, error) {
	if i.draining.Load() {
		return nil, errDraining()
	}
	var req slipway.BuildRequest
	if r.Body == nil {
		return nil, slipway.Errorf(slipway.ErrInvalid, "a build request is expected")
	}
	defer r.Body.Close()
	if err := json.NewDecoder(io.LimitReader(r.Body, maxBuildRequest)).Decode(&req); err != nil {
		return nil, slipway.Errorf(slipway.ErrInvalid, "read the build request: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	events, out := io.Pipe()
	go func() {
		defer cancel()
		out.CloseWithError(i.runBuild(ctx, cancel, req, out))
	}()
	return &slipway.Response{
		Status: http.StatusOK, Header: slipway.Header{"Content-Type": {"application/x-ndjson"}},
		Length: -1, Body: events,
	}, nil
}

// runBuild writes the events to out. Its error is that of writing.
func (i *Invoker) runBuild(ctx context.Context, cancel context.CancelFunc, req slipway.BuildRequest, out io.Writer) error {
	lines := &eventWriter{enc: json.NewEncoder(out), cancel: cancel}
	result, err := i.Build(ctx, req, lines.write)
	if err != nil {
		i.log.Info("build failed", "tenant", req.Version.Tenant, "function", req.Version.Function,
			"version", req.Version.Version, "build", req.ID, "err", err)
		lines.write(slipway.BuildEvent{At: time.Now(), Error: err.Error(), Code: slipway.Code(err)})
	} else {
		lines.write(slipway.BuildEvent{At: time.Now(), Result: &result})
	}
	return lines.failed()
}

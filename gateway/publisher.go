package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/bus"
)

// publisher makes versions: it has them built by an invoker and puts them live.
type publisher struct {
	store    Store
	bus      *bus.Bus
	invokers *invokers
	uploads  *uploads
	log      *slog.Logger
	owner    string
	timeout  time.Duration
	changed  func(context.Context, slipway.FunctionRef)

	life  context.Context // of the gateway: builds live as long, not as their callers
	group sync.WaitGroup

	// comparing is held from comparing a version with the live one until it is live, so
	// that of two that are alike and finished at once one is dropped.
	comparing sync.Mutex

	mu   sync.Mutex
	runs map[string]*buildRun // running, by id of the build
	shut bool
}

func newPublisher(life context.Context, g *Gateway) *publisher {
	return &publisher{
		store: g.store, bus: g.bus, invokers: g.invokers, uploads: g.uploads, log: g.log,
		owner: g.cfg.ID, timeout: g.cfg.BuildTimeout, changed: g.changed,
		life: life, runs: map[string]*buildRun{},
	}
}

// input is what a version is made from.
type input struct {
	kind      slipway.BuildInput
	blob      string           // source, archive
	reference string           // reference
	base      *slipway.Version // digest: the version whose image gets another configuration
	patches   [][]byte         // laid over the function's configuration, and kept with it on success
	canary    *slipway.Canary  // the version gets its events by and by; nil is all at once
	config    slipway.Config   // of a build for a job definition: runtime and handler
}

// start adds a version and a build of f and lets it run.
func (p *publisher) start(ctx context.Context, f slipway.Function, in input) (*buildRun, error) {
	config, err := mergeAll(f.Config, in.patches)
	if err != nil {
		return nil, err
	}
	if in.base != nil && config.Handler == "" {
		config.Handler = in.base.Config.Handler // as found in the source, which is not looked at again
	}
	v, err := p.store.AddVersion(ctx, slipway.Version{
		Tenant: f.Tenant, Function: f.Name, Runtime: config.Runtime, Protocol: config.Protocol,
		Config: config, State: slipway.VersionBuilding, CreatedAt: time.Now().UTC(),
	})
	if err != nil {
		return nil, err
	}
	b := slipway.Build{
		ID: slipway.NewID(), Tenant: f.Tenant, Function: f.Name, Version: v.Number,
		State: slipway.BuildRunning, Owner: p.owner, CreatedAt: time.Now().UTC(),
	}
	if err := p.store.AddBuild(ctx, b); err != nil {
		return nil, errors.Join(err, p.store.DropVersion(context.WithoutCancel(ctx), v.Ref()))
	}
	return p.begun(newBuildRun(b, v), in)
}

// begun lets a build run that has been added.
func (p *publisher) begun(run *buildRun, in input) (*buildRun, error) {
	if !p.begin(run, in) {
		err := slipway.Errorf(slipway.ErrUnavailable, "the gateway is stopping; deploy again")
		p.record(run, in, nil, err)
		return nil, err
	}
	return run, nil
}

// begin runs the build in the background, unless the gateway is stopping.
func (p *publisher) begin(run *buildRun, in input) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shut {
		return false
	}
	p.runs[run.build.ID] = run
	p.group.Go(func() {
		p.run(run, in)
		p.mu.Lock()
		delete(p.runs, run.build.ID)
		p.mu.Unlock()
	})
	return true
}

// running is a build of this gateway that has not ended, or nil.
func (p *publisher) running(id string) *buildRun {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.runs[id]
}

// wait returns when every build has ended; it follows the end of p.life.
func (p *publisher) wait() {
	p.mu.Lock()
	p.shut = true
	p.mu.Unlock()
	p.group.Wait()
}

// republish makes a version of the image that is live with patch laid over f's
// configuration, and returns when that has ended.
func (p *publisher) republish(ctx context.Context, f slipway.Function, patch []byte) (slipway.Version, error) {
	live, err := p.store.Version(ctx, slipway.VersionRef{Tenant: f.Tenant, Function: f.Name, Version: f.Live})
	if err != nil {
		return live, err
	}
	run, err := p.start(ctx, f, input{kind: slipway.InputDigest, base: &live, patches: [][]byte{patch}})
	if err != nil {
		return live, err
	}
	return run.wait(ctx)
}

// run takes a build to its end.
func (p *publisher) run(run *buildRun, in input) {
	ctx, cancel := context.WithTimeoutCause(p.life, p.timeout,
		slipway.Errorf(slipway.ErrTimeout, "the build took longer than %s, which is the most it may", p.timeout))
	defer cancel()
	saving, stopSaving := context.WithCancel(ctx)
	var saver sync.WaitGroup
	saver.Go(func() { p.saveAsItComes(saving, run) })
	result, err := p.build(ctx, run, in)
	stopSaving()
	saver.Wait()
	if cause := context.Cause(ctx); err != nil && cause != nil {
		if err = cause; errors.Is(cause, context.Canceled) {
			err = slipway.Errorf(slipway.ErrUnavailable, "the gateway stopped while the build ran; deploy again")
		}
	}
	p.record(run, in, result, err)
	if in.blob != "" {
		p.uploads.release(in.blob)
	}
}

// build has an invoker do the work, and another one when the first cannot begin.
func (p *publisher) build(ctx context.Context, run *buildRun, in input) (*slipway.BuildResult, error) {
	req := slipway.BuildRequest{
		ID: run.build.ID, Version: run.version.Ref(), Input: in.kind,
		Blob: in.blob, Reference: in.reference, Config: run.version.Config, Program: run.revision != nil,
	}
	if in.base != nil {
		req.Digest = in.base.Digest
	}
	body, err := json.Marshal(req)
	if err != nil {
		return nil, err
	}
	first, err := p.invokers.roomiest(ctx, "")
	if err != nil {
		return nil, err
	}
	result, err := p.buildOn(ctx, first, run, body)
	if !errors.Is(err, errNotBegun) {
		return result, err
	}
	second, none := p.invokers.roomiest(ctx, first)
	if none != nil {
		return nil, err
	}
	return p.buildOn(ctx, second, run, body)
}

// errNotBegun marks an invoker that could not take a build.
var errNotBegun = errors.New("not begun")

func (p *publisher) buildOn(ctx context.Context, invoker string, run *buildRun, body []byte) (*slipway.BuildResult, error) {
	resp, err := p.bus.RoundTrip(ctx, bus.BuildSubject(invoker), &slipway.Request{
		ID: run.build.ID, Version: run.version.Ref(), Method: "BUILD", Target: "/",
		Length: int64(len(body)), Body: io.NopCloser(bytes.NewReader(body)),
	})
	if errors.Is(err, slipway.ErrUnavailable) {
		return nil, errors.Join(err, errNotBegun)
	}
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return followBuild(resp.Body, run)
}

// followBuild hands on what the invoker says until it says how the build ended.
func followBuild(events io.Reader, run *buildRun) (*slipway.BuildResult, error) {
	for dec := json.NewDecoder(events); ; {
		var e slipway.BuildEvent
		if err := dec.Decode(&e); err != nil {
			return nil, slipway.Errorf(slipway.ErrUnavailable, "the invoker went away while it built; deploy again (%w)", err)
		}
		switch {
		case e.Result != nil:
			return e.Result, nil
		case e.Error != "":
			return nil, &slipway.Error{Kind: slipway.KindOf(e.Code), Message: e.Error}
		default:
			run.add(e)
		}
	}
}

func mergeAll(config slipway.Config, patches [][]byte) (slipway.Config, error) {
	var err error
	for _, patch := range patches {
		if config, err = config.Merge(patch); err != nil {
			return config, err
		}
	}
	return config, nil
}

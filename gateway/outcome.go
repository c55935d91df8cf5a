package gateway

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/slipway-run/slipway"
)

// recordTime bounds the writing down of an outcome, which also happens while the
// gateway stops.
const recordTime = 10 * time.Second

// record writes down how a build ended: the version, the rest of the log, the build; then
// it tells those who wait.
func (p *publisher) record(run *buildRun, in input, result *slipway.BuildResult, buildErr error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.life), recordTime)
	defer cancel()
	v, err := run.version, buildErr
	switch {
	case err != nil:
	case run.revision != nil:
		err = p.register(ctx, run, result)
		v.Number = run.revision.Revision
	default:
		v, err = p.publish(ctx, run, in, result)
	}
	state, last := slipway.BuildSucceeded, slipway.BuildEvent{At: time.Now().UTC(), Result: result}
	if err != nil {
		p.fail(ctx, run, err)
		doc := describe(err, "").Error
		state, last = slipway.BuildFailed, slipway.BuildEvent{At: last.At, Error: doc.Message, Code: doc.Code}
	}
	run.close(last)
	p.save(ctx, run)
	if err := p.store.FinishBuild(ctx, run.build.ID, state, last.Error, v.Number); err != nil {
		p.log.Warn("recording the end of a build", "build", run.build.ID, "function", v.Function, "version", v.Number, "err", err)
	}
	run.end(v, err)
	p.log.Info("a build ended", "build", run.build.ID, "tenant", v.Tenant, "function", v.Function, "version", v.Number, "state", state, "reason", last.Error)
}

// publish makes the built version ready and moves live to it. When it is no different
// from the live one, it is dropped and the live one is the answer.
func (p *publisher) publish(ctx context.Context, run *buildRun, in input, result *slipway.BuildResult) (slipway.Version, error) {
	v := built(run.version, in, result)
	ref := slipway.FunctionRef{Tenant: v.Tenant, Function: v.Function}
	p.comparing.Lock()
	defer p.comparing.Unlock()
	live, err := p.liveVersion(ctx, ref)
	if err != nil {
		return v, err
	}
	if live != nil && live.Digest == v.Digest && sameVersions(live.Config, v.Config) {
		if err := p.store.DropVersion(ctx, v.Ref()); err != nil {
			return v, err
		}
		run.add(slipway.BuildEvent{At: time.Now().UTC(), Text: "nothing changed: the live version is the same"})
		p.keepConfig(ctx, run, in)
		return *live, nil
	}
	moved, err := p.store.FinishVersion(ctx, v, slipway.LiveAlias, in.canary)
	if err != nil {
		return v, err
	}
	p.keepConfig(ctx, run, in)
	p.explain(ctx, run, v, moved)
	return v, nil
}

// explain says in the log of the build why the version does not get all events now.
func (p *publisher) explain(ctx context.Context, run *buildRun, v slipway.Version, moved bool) {
	say := func(format string, args ...any) {
		run.add(slipway.BuildEvent{At: time.Now().UTC(), Text: fmt.Sprintf(format, args...)})
	}
	if !moved {
		say("version %d is ready and not live: a newer one is, or somebody said meanwhile where live goes; 'slipway rollback %s %d' puts it live", v.Number, v.Function, v.Number)
	}
	ref := slipway.FunctionRef{Tenant: v.Tenant, Function: v.Function}
	if a, err := p.store.Alias(ctx, ref, slipway.LiveAlias); err == nil && a.Canary != nil && a.Weights[v.Number] > 0 {
		say("version %d gets %.4g%% of the events beside version %d; 'slipway alias list %s' shows how it does", v.Number, 100*a.Canary.Share(), a.Version, v.Function)
	}
	if f, err := p.store.Function(ctx, ref); err == nil && f.Paused {
		say("the function is paused: the version takes events after 'slipway resume %s'", f.Name)
	}
}

// built is v with what the invoker found out.
func built(v slipway.Version, in input, result *slipway.BuildResult) slipway.Version {
	v.State = slipway.VersionReady
	v.Image, v.Digest, v.Runtime, v.Protocol = result.Image, result.Digest, result.Runtime, result.Protocol
	if v.Config.Handler == "" {
		v.Config.Handler = result.Handler
	}
	if in.base != nil {
		v.Image, v.Runtime = in.base.Image, in.base.Runtime
	}
	return v
}

// liveVersion is the version that receives events, or nil.
func (p *publisher) liveVersion(ctx context.Context, ref slipway.FunctionRef) (*slipway.Version, error) {
	alias, err := p.store.Alias(ctx, ref, slipway.LiveAlias)
	if errors.Is(err, slipway.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	v, err := p.store.Version(ctx, slipway.VersionRef{Tenant: ref.Tenant, Function: ref.Function, Version: alias.Version})
	return &v, err
}

// keepConfig makes what the deploy said about the configuration the function's own, and
// the whole change known. The version is live by then: when somebody changed the
// configuration meanwhile so that both do not go together, theirs stays, and the log
// says so.
func (p *publisher) keepConfig(ctx context.Context, run *buildRun, in input) {
	ref := slipway.FunctionRef{Tenant: run.version.Tenant, Function: run.version.Function}
	if len(in.patches) > 0 {
		_, err := p.store.UpdateFunction(ctx, ref, func(f *slipway.Function) (err error) {
			f.Config, err = mergeAll(f.Config, in.patches)
			return err
		})
		if err != nil {
			run.add(slipway.BuildEvent{At: time.Now().UTC(), Text: "the function's configuration was not changed: " + err.Error()})
			p.log.Warn("keeping the configuration of a deploy", "tenant", ref.Tenant, "function", ref.Function, "err", err)
		}
	}
	p.changed(ctx, ref)
}

// save adds to the stored log what is not in it yet. One goroutine at a time calls it.
func (p *publisher) save(ctx context.Context, run *buildRun) {
	run.mu.Lock()
	events := run.lasting[run.saved:]
	run.mu.Unlock()
	if err := p.store.AppendBuildEvents(ctx, run.build.ID, events); err != nil {
		p.log.Warn("storing the log of a build", "build", run.build.ID, "err", err)
		return
	}
	run.saved += len(events)
}

// saveAsItComes saves whenever there is something new, until ctx ends. What comes while
// one part is written makes the next part.
func (p *publisher) saveAsItComes(ctx context.Context, run *buildRun) {
	for at := (place{}); ; {
		if _, more, err := run.next(ctx, &at); err != nil || !more {
			return
		}
		p.save(context.WithoutCancel(ctx), run)
	}
}

// fail makes the version failed. One that is gone or finished by then stays so.
func (p *publisher) fail(ctx context.Context, run *buildRun, reason error) {
	if run.revision != nil {
		p.logFault(run, reason)
		return
	}
	v := run.version
	v.State, v.Reason = slipway.VersionFailed, describe(reason, "").Error.Message
	_, err := p.store.FinishVersion(ctx, v, "", nil)
	if err != nil && !errors.Is(err, slipway.ErrNotFound) && !errors.Is(err, slipway.ErrConflict) {
		p.log.Warn("recording a failed version", "tenant", v.Tenant, "function", v.Function, "version", v.Number, "err", err)
	}
	p.logFault(run, reason)
}

// logFault writes down what is not the user's fault.
func (p *publisher) logFault(run *buildRun, reason error) {
	if v := run.version; isInternal(reason) {
		p.log.Error("a build", "build", run.build.ID, "tenant", v.Tenant, "function", v.Function, "version", v.Number, "err", reason)
	}
}

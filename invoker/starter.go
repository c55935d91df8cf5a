package invoker

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/invoker/runtimeapi"
)

// Starter makes instances: a sandbox from the version's image, its process started,
// and waited for until it can take events.
type Starter struct {
	cfg      Config
	launcher slipway.Launcher
	images   Images
	logs     LogWriter
	log      *slog.Logger

	running    *instances // those that were started and are not closed
	used       used
	openFiles  int          // RLIMIT_NOFILE of instances
	supervisor func() error // why no extensions can be started
}

// NewStarter makes a Starter; it starts nothing.
func NewStarter(cfg Config, launcher slipway.Launcher, images Images, logs LogWriter, log *slog.Logger) *Starter {
	cfg = cfg.withDefaults()
	return &Starter{cfg: cfg, launcher: launcher, images: images, logs: logs, log: log, running: newInstances(), openFiles: OpenFiles(),
		supervisor: sync.OnceValue(func() error { return checkSupervisor(cfg.Supervisor) })}
}

// Start makes an instance that is ready for events. With ProtocolAuto it finds out
// what the process speaks; the instance says so (see Protocol). An error that is the
// fault of the user's code is ErrInvalid, wraps a *slipway.FunctionError, and has what
// the process printed last in its message. On an error nothing is left.
func (s *Starter) Start(ctx context.Context, spec slipway.Spec) (slipway.Instance, error) {
	in, err := s.create(ctx, spec)
	if err != nil {
		return nil, err
	}
	if spec.Protocol == slipway.ProtocolStdio {
		s.meter(in)
		in.serveStdio()
		return in, nil
	}
	if err := s.bringUp(ctx, in); err != nil {
		in.killed.Store(true)
		if cause := in.Close(); cause != nil {
			s.log.Warn("instance could not be removed", "instance", in.id, "function", spec.Function, "err", cause)
		}
		return nil, err
	}
	return in, nil
}

// create makes the sandbox; nothing runs in it yet.
func (s *Starter) create(ctx context.Context, spec slipway.Spec) (*instance, error) {
	image, err := s.images.Prepare(ctx, spec.Digest)
	if err != nil {
		return nil, err
	}
	id := slipway.NewID()
	sb := sandboxSpec(id, s.cfg.Region, spec, image)
	sb.OpenFiles = s.openFiles
	if len(sb.Args) == 0 {
		return nil, slipway.Errorf(slipway.ErrInvalid, "the image has neither an entrypoint nor a command; say what to run with command")
	}
	supervised, err := s.supervise(spec.Protocol, image, &sb)
	if err != nil {
		return nil, err
	}
	sandbox, err := s.launcher.Create(ctx, sb)
	if err != nil {
		return nil, err
	}
	in := &instance{
		id: id, spec: spec, sandbox: sandbox, region: s.cfg.Region,
		output: newOutput(s.logs, id, spec.VersionRef),
		done:   sandbox.Done(), exited: sandbox.Done(), closed: make(chan struct{}), unfit: make(chan struct{}),
		list: s.running, extended: supervised,
	}
	s.running.add(in)
	return in, nil
}

// meter opens the instance's meter. An instance does its work without one as well.
func (s *Starter) meter(in *instance) {
	if err := in.openMeter(); err != nil {
		s.log.Warn("what an instance uses is not known", "instance", in.id, "err", err)
	}
}

// bringUp starts the process and waits until it is ready.
func (s *Starter) bringUp(ctx context.Context, in *instance) error {
	protocol := in.spec.Protocol
	if in.extended {
		protocol = slipway.ProtocolLambda
	}
	if protocol != slipway.ProtocolHTTP {
		api := runtimeapi.New(apiConfig(in.spec), s.log)
		if err := in.listen(ctx, api); err != nil {
			return err
		}
		if in.extended {
			in.watchProgram(api)
		}
	}
	stdio, input, err := in.pipes(protocol == slipway.ProtocolAuto)
	if err != nil {
		return err
	}
	if input != nil {
		defer input.Close() // from then on it reads as /dev/null does
	}
	if err := in.start(ctx, stdio); err != nil {
		return startFailure(err)
	}
	began := time.Now()
	s.meter(in)
	found, err := s.await(ctx, in, protocol)
	if err != nil {
		return err
	}
	in.serve(found)
	if http, ok := in.runner.(*httpRunner); ok {
		return s.watchHealth(ctx, in, http, began.Add(s.cfg.StartTimeout))
	}
	return nil
}

// apiConfig is what a Runtime API says about its function.
func apiConfig(spec slipway.Spec) runtimeapi.Config {
	return runtimeapi.Config{
		Concurrency: spec.Config.Scaling.Concurrency,
		Function:    spec.Function, Version: strconv.Itoa(spec.Version), Handler: spec.Config.Handler,
		AccountID: accountID,
	}
}

// watchHealth returns when the instance is healthy, and has it checked from then on.
func (s *Starter) watchHealth(ctx context.Context, in *instance, runner *httpRunner, deadline time.Time) error {
	h := newHealth(in, runner)
	starting, cancel := context.WithDeadlineCause(ctx, deadline, errStartTimeout)
	defer cancel()
	if err := h.await(starting); err != nil {
		return err
	}
	watched, end := context.WithCancel(context.WithoutCancel(ctx))
	in.unwatch = end
	go h.run(watched)
	return nil
}

// startFailure is why the process could not be executed. Launchers say with ErrInvalid
// that it is the fault of what the user sent: no such program, or one that is none.
func startFailure(err error) error {
	if errors.Is(err, slipway.ErrInvalid) {
		return &startError{failure: &slipway.FunctionError{Type: typeInvalidEntrypoint, Message: err.Error()}}
	}
	return err
}

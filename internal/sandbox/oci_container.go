package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway/internal/cgroup"
	"github.com/slipway-run/slipway/internal/sandbox/monitor"
)

// container is the process of a sandbox in the hands of an OCI runtime.
type container struct {
	runtime Runtime
	bundle  bundle
	noexec  []bool // of the mounts
	group   *cgroup.Group
	conn    *monitor.Conn
	monitor *process
	process *process // what the runtime executes; its pid is known once it was created

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	finish func(syscall.WaitStatus, error) // the end of the process; the first call counts
}

// killed is the status of a process that SIGKILL ended (wait(2)).
const killed = syscall.WaitStatus(syscall.SIGKILL)

// newContainer starts the monitor, which attaches the root and the mounts.
func newContainer(ctx context.Context, rt Runtime, dir string, group *cgroup.Group, t trees) (_ *container, err error) {
	c := &container{runtime: rt, group: group, process: &process{done: make(chan struct{})}}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	var once sync.Once
	c.finish = func(status syscall.WaitStatus, err error) {
		once.Do(func() { c.process.status, c.process.err = status, err; close(c.process.done) })
	}
	if c.noexec, err = noexecOf(t.mounts()); err != nil {
		return nil, err
	}
	if c.bundle, err = newBundle(dir, rt, t.mounts()); err != nil {
		return nil, err
	}
	if c.monitor, c.conn, err = startMonitor(c.bundle.places(len(t.mounts())), t.files); err != nil {
		return nil, errors.Join(err, c.bundle.remove())
	}
	if _, _, err := c.reply(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("prepare the bundle: %w", err), c.close())
	}
	return c, nil
}

// create has the runtime make the container, with everything but its limits: they are
// meant for the program, and the runtime needs more to get there.
func (c *container) create(ctx context.Context, streams []*os.File) error {
	r, files, err := c.ask(ctx, "create", streams, "--bundle", c.bundle.dir, "--pid-file", c.bundle.pidFile())
	if err != nil {
		return err
	}
	if len(files) != 1 {
		return errors.New("the monitor of a runtime sent no process")
	}
	c.process.pid, c.process.pidfd = r.PID, files[0]
	return c.gather()
}

// gather sees to it that the container is in its control group. runsc joins version 1
// alone where there are both, and has processes beside the one that is known.
func (c *container) gather() error {
	threads, err := c.group.Threads()
	if err != nil || slices.Contains(threads, c.process.pid) {
		return err
	}
	for _, pid := range monitor.Children(c.monitor.pid) {
		if err := c.group.Add(pid); err != nil && !errors.Is(err, unix.ESRCH) { // one that has just ended
			return err
		}
	}
	return nil
}

// start has the runtime execute the program, and from then on waits for its end.
func (c *container) start(ctx context.Context) error {
	if _, _, err := c.ask(ctx, "start", nil); err != nil {
		return err
	}
	go c.await()
	return nil
}

func (c *container) await() {
	r, _, err := c.receive()
	if err == nil && !r.Ended {
		err = errors.New("it said something else than how the process ended")
	}
	if err != nil {
		err = fmt.Errorf("its monitor was lost: %w", err)
	}
	c.finish(r.Status, err)
}

// ask has the monitor run a command of the runtime.
func (c *container) ask(ctx context.Context, command string, streams []*os.File, args ...string) (monitor.Reply, []*os.File, error) {
	c.bundle.forgetLog()
	request := monitor.Request{Args: c.runtime.command(c.bundle, append(append([]string{command}, args...), c.bundle.id())...)}
	if streams != nil {
		request.PIDFile = c.bundle.pidFile()
	}
	if err := c.conn.Send(request, streams...); err != nil {
		return monitor.Reply{}, nil, fmt.Errorf("ask the monitor of a runtime: %w", err)
	}
	r, files, err := c.reply(ctx)
	if err == nil && r.Status != 0 {
		err = c.runtime.explain(c.bundle, command, exitOf(&process{status: r.Status}, 0, 0).String())
	}
	return r, files, err
}

// reply waits for an answer, until ctx ends or the sandbox is closed.
func (c *container) reply(ctx context.Context) (monitor.Reply, []*os.File, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(c.ctx, func() { cancel(errors.New("it was closed")) })()
	brokenOff := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { _ = c.conn.SetDeadline(longAgo()); close(brokenOff) })
	r, files, err := c.receive()
	if !stop() { // too late for this answer, and not meant for the next
		<-brokenOff
		_ = c.conn.SetDeadline(time.Time{})
	}
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return r, files, err
}

func (c *container) receive() (r monitor.Reply, files []*os.File, err error) {
	files, err = c.conn.Receive(&r)
	if errors.Is(err, io.EOF) {
		err = errors.New("the monitor of a runtime died")
	}
	if err == nil && r.Err != "" {
		err = errors.New(r.Err)
	}
	return r, files, err
}

// signal has the runtime send a signal to the program: the process that the kernel knows
// may be the runtime's own, as with runsc.
func (c *container) signal(sig syscall.Signal) error {
	err := c.runtime.run(context.Background(), c.bundle, "kill", c.bundle.id(), strconv.Itoa(int(sig)))
	if err != nil && c.hasEnded() {
		return nil
	}
	return err
}

// hasEnded asks the kernel, who knows before the monitor has said so.
func (c *container) hasEnded() bool {
	poll := []unix.PollFd{{Fd: int32(c.process.pidfd.Fd()), Events: unix.POLLIN}}
	n, err := unix.Poll(poll, 0)
	return err == nil && n == 1
}

// kill ends what runs.
func (c *container) kill() error {
	ctx, cancel := context.WithTimeout(context.Background(), endTimeout)
	defer cancel()
	return c.group.Kill(ctx)
}

// delete has the runtime remove what it keeps.
func (c *container) delete() error {
	return errors.Join(c.runtime.delete(context.Background(), c.bundle), cgroup.RemoveEverywhere(c.group.Name()))
}

// close lets the monitor go, whose processes were killed, and removes the bundle.
func (c *container) close() error {
	c.cancel()
	c.finish(killed, nil)
	errs := []error{c.conn.Close(), c.monitor.close()}
	if c.process.pidfd != nil {
		errs = append(errs, c.process.pidfd.Close())
	}
	return errors.Join(append(errs, c.bundle.remove())...)
}

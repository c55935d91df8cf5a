package invoker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/invoker/streams"
)

// stdioHeld is how much of an answer is held back until the process has ended, in
// bytes. A longer one is sent on before it is known whether the process succeeds.
const stdioHeld = 1 << 20

// stdioRunner starts the process for its one event: the body is its standard input,
// what it prints on its standard output is the answer.
type stdioRunner struct{ in *instance }

func (s *stdioRunner) close() {}

// run implements runner.
func (s *stdioRunner) run(ctx context.Context, req *slipway.Request, release func(bool)) (*slipway.Response, error) {
	req, err := structured(req)
	if err != nil {
		release(true)
		return nil, err
	}
	s.in.begin(req.ID)
	p, err := s.start(ctx, req)
	if err != nil {
		release(false)
		if failure := (*startError)(nil); errors.As(err, &failure) {
			return s.in.fail(req.ID, failure.failure), nil
		}
		return nil, err
	}
	p.release = release
	return p.answer()
}

// start executes the process and feeds it.
func (s *stdioRunner) start(ctx context.Context, req *slipway.Request) (*process, error) {
	stdinR, stdin, err := streams.ToProcess()
	if err != nil {
		return nil, err
	}
	stdout, stdoutW, err := streams.FromProcess("stdout")
	if err != nil {
		streams.Close(stdinR, stdin)
		return nil, err
	}
	stderr, err := s.in.output.Stream("stderr")
	if err == nil {
		err = s.in.start(ctx, slipway.Stdio{Stdin: stdinR, Stdout: stdoutW, Stderr: stderr})
	} else {
		streams.Close(stdinR, stdoutW)
	}
	if err != nil {
		streams.Close(stdin, stdout)
		return nil, startFailure(err)
	}
	p := &process{ctx: ctx, in: s.in, req: req, stdout: stdout}
	p.watch()
	go p.feed(stdin)
	return p, nil
}

// process is a process that works on its event.
type process struct {
	ctx     context.Context
	in      *instance
	req     *slipway.Request
	stdout  *os.File
	timer   *time.Timer
	unwatch func() bool
	release func(bool)
	over    sync.Once

	mu      sync.Mutex // guards what follows
	expired bool       // the timeout came
}

// watch ends the process when its time is over, or nobody wants its answer any more.
func (p *process) watch() {
	p.timer = time.AfterFunc(p.in.spec.Config.Timeout.D(), func() {
		p.mu.Lock()
		p.expired = true
		p.mu.Unlock()
		p.in.kill()
	})
	p.unwatch = context.AfterFunc(p.ctx, p.in.kill)
}

func (p *process) feed(stdin *os.File) {
	defer stdin.Close()
	if p.req.Body == nil {
		return
	}
	defer p.req.Body.Close()
	_, _ = io.Copy(stdin, p.req.Body) // a process need not read all of its input
}

// answer waits for the end of the process, unless it prints more than is held back.
func (p *process) answer() (*slipway.Response, error) {
	held, err := io.ReadAll(io.LimitReader(p.stdout, stdioHeld))
	if err != nil {
		p.in.kill()
	}
	if len(held) == stdioHeld {
		return &slipway.Response{
			Status: http.StatusOK, Header: slipway.Header{"Content-Type": {sniff(held, false)}}, Length: -1,
			Body: &processBody{io.MultiReader(bytes.NewReader(held), p.stdout), p},
		}, nil
	}
	<-p.in.sandbox.Done()
	if p.ctx.Err() != nil {
		p.finish()
		return nil, p.ctx.Err()
	}
	if failure := p.failure(); failure != nil {
		resp := p.in.fail(p.req.ID, failure)
		p.finish()
		return resp, nil
	}
	p.finish()
	return whole(http.StatusOK, slipway.Header{"Content-Type": {sniff(held, true)}}, held), nil
}

// failure is what went wrong with a process that has ended, or nil.
func (p *process) failure() *slipway.FunctionError {
	p.mu.Lock()
	expired := p.expired
	p.mu.Unlock()
	switch exit := p.in.sandbox.Exit(); {
	case expired:
		return timedOut(p.req.ID, p.in.spec.Config.Timeout.D())
	case exit.Success():
		return nil
	default:
		return exited(p.req.ID, exit, p.in.spec.Config.MemoryMB)
	}
}

// finish gives the lease back; the instance has had its event.
func (p *process) finish() {
	p.over.Do(func() {
		p.timer.Stop()
		p.unwatch()
		p.stdout.Close()
		if p.req.Body != nil {
			p.req.Body.Close()
		}
		p.in.end()
		p.release(false)
	})
}

// sniff is the content type of what a process printed.
func sniff(b []byte, complete bool) string {
	if complete && len(b) > 0 && json.Valid(b) {
		return jsonType
	}
	for cut := 0; !complete && cut < utf8.UTFMax-1 && !utf8.Valid(b); cut++ {
		b = b[:len(b)-1] // the cut went through a character
	}
	if utf8.Valid(b) {
		return "text/plain; charset=utf-8"
	}
	return "application/octet-stream"
}

// processBody is an answer that is too long to be held back. It ends with an error
// when the process fails, so that nobody takes it for complete.
type processBody struct {
	r io.Reader
	p *process
}

func (b *processBody) Read(buf []byte) (int, error) {
	n, err := b.r.Read(buf)
	if err == nil {
		return n, nil
	}
	if err == io.EOF {
		<-b.p.in.sandbox.Done()
		if failure := b.p.failure(); failure != nil {
			err = b.p.in.fail(b.p.req.ID, failure).FunctionError
		}
	}
	b.p.finish()
	return n, err
}

func (b *processBody) Close() error {
	b.p.in.kill()
	b.p.finish()
	return nil
}

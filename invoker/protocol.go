package invoker

import (
	"os"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/invoker/streams"
)

// Protocol is what the instance turned out to speak; never auto.
func (in *instance) Protocol() slipway.Protocol { return in.protocol }

// serve makes the instance speak the protocol that was found. A process that was
// started to find out that it is a stdio function has had its only run.
func (in *instance) serve(f found) {
	in.protocol = f.protocol
	switch f.protocol {
	case slipway.ProtocolHTTP:
		in.unlisten()
		in.runner = newHTTPRunner(in, f)
	case slipway.ProtocolLambda:
		in.runner = newLambdaRunner(in)
	case slipway.ProtocolStdio:
		in.killed.Store(true)
		in.done = in.closed // the end of its process does not make it one that failed
	}
}

// serveStdio makes an instance that starts its process with its event. Until then
// nothing runs, so nothing can end.
func (in *instance) serveStdio() {
	in.protocol = slipway.ProtocolStdio
	in.killed.Store(true) // its process ends with its event, or at once
	in.runner = &stdioRunner{in: in}
	in.done = in.closed
}

// pipes makes the standard streams of the process; input is the other end of its
// standard input, when that is wanted.
func (in *instance) pipes(withInput bool) (stdio slipway.Stdio, input *os.File, err error) {
	defer func() {
		if err != nil {
			streams.Close(stdio.Stdin, stdio.Stdout, stdio.Stderr, input)
		}
	}()
	if withInput {
		if stdio.Stdin, input, err = streams.ToProcess(); err != nil {
			return stdio, nil, err
		}
	}
	if stdio.Stdout, err = in.output.Stream("stdout"); err != nil {
		return stdio, input, err
	}
	stdio.Stderr, err = in.output.Stream("stderr")
	return stdio, input, err
}

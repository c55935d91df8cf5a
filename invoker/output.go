package invoker

import (
	"sync/atomic"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/invoker/streams"
)

// output is what an instance prints, as lines of its function's log.
type output struct {
	*streams.Output
	logs       LogWriter
	line       slipway.LogLine // what all lines have in common
	invocation atomic.Pointer[string]
}

func newOutput(logs LogWriter, id string, ref slipway.VersionRef) *output {
	o := &output{logs: logs, line: slipway.LogLine{
		Tenant: ref.Tenant, Function: ref.Function, Version: ref.Version, Instance: id,
	}}
	o.Output = streams.New(o.print)
	return o
}

func (o *output) print(stream, text string) {
	line := o.line
	line.At, line.Stream, line.Text = time.Now(), stream, text
	if id := o.invocation.Load(); id != nil {
		line.Invocation = *id
	}
	o.logs.Write(line)
}

// say adds a line of the platform's own about an invocation, or about the instance
// when invocation is "".
func (o *output) say(invocation, text string) {
	line := o.line
	line.At, line.Stream, line.Text, line.Invocation = time.Now(), "platform", text, invocation
	o.logs.Write(line)
}

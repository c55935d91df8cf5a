package invoker

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/invoker/runtimeapi"
)

// lambdaRunner gives events to a process that polls the Runtime API.
type lambdaRunner struct {
	in  *instance
	api *runtimeapi.Server
	arn string
}

func newLambdaRunner(in *instance) *lambdaRunner {
	l := &lambdaRunner{in: in, api: in.api, arn: functionARN(in.region, in.spec)}
	go func() { // who waits for the answer of a process that has ended waits no longer
		<-in.exited
		if !in.supervised() { // whose extensions are about to hear of the end
			l.api.Close()
		}
	}()
	return l
}

// close has nothing to do: the instance closes its Runtime API.
func (l *lambdaRunner) close() {}

// run implements runner. When the caller goes away the result is thrown away, but the
// instance stays busy until the process has answered, or the timeout has come.
func (l *lambdaRunner) run(ctx context.Context, req *slipway.Request, release func(bool)) (*slipway.Response, error) {
	event, err := l.event(req)
	if err != nil {
		release(true)
		return nil, err
	}
	work, cancel := context.WithDeadline(context.WithoutCancel(ctx), event.Deadline)
	c := &call{l: l, req: req, work: work, cancel: cancel, release: release}
	l.in.begin(req.ID)
	answered := make(chan outcome, 1)
	go func() {
		result, err := l.api.Invoke(work, event)
		answered <- outcome{result, err}
	}()
	select {
	case o := <-answered:
		return c.respond(o)
	case <-ctx.Done():
		go c.discard(answered)
		return nil, ctx.Err()
	}
}

type outcome struct {
	result *runtimeapi.Result
	err    error
}

// event makes what the process gets.
func (l *lambdaRunner) event(req *slipway.Request) (runtimeapi.Event, error) {
	req, err := structured(req)
	if err != nil {
		return runtimeapi.Event{}, err
	}
	body, err := readEvent(req)
	if err != nil {
		return runtimeapi.Event{}, err
	}
	if req.Mode == slipway.ModeHTTP {
		body, err = encodeHTTPEvent(req, body)
	} else {
		body, err = checkEvent(body)
	}
	if most := maxEvent(req); err == nil && int64(len(body)) > most {
		err = eventTooLarge(most)
	}
	return runtimeapi.Event{
		ID: req.ID, Deadline: time.Now().Add(l.in.spec.Config.Timeout.D()), FunctionARN: l.arn,
		TraceID: traceID(req.Header), Context: clientContext(req), Identity: identity(req), Attempt: attempt(req), Payload: body,
	}, err
}

// checkEvent refuses what a handler could not decode; no event at all is an empty object.
func checkEvent(body []byte) ([]byte, error) {
	if len(body) == 0 {
		return []byte("{}"), nil
	}
	if !json.Valid(body) {
		return nil, slipway.Errorf(slipway.ErrInvalid, "the event of a handler must be JSON, and this is not")
	}
	return body, nil
}

// traceID passes the caller's trace on, or begins one that is not sampled:
// https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
func traceID(h slipway.Header) string {
	if id := first(h, "X-Amzn-Trace-Id"); strings.HasPrefix(id, "Root=1-") {
		return id
	}
	var r [20]byte
	rand.Read(r[:]) // never fails: see crypto/rand
	return fmt.Sprintf("Root=1-%08x-%s;Parent=%s;Sampled=0", time.Now().Unix(), hex.EncodeToString(r[:12]), hex.EncodeToString(r[12:]))
}

// clientContext is the decoded X-Amz-Client-Context of a call of the API, if it is JSON.
func clientContext(req *slipway.Request) string {
	decoded, err := base64.StdEncoding.DecodeString(first(req.Header, "X-Amz-Client-Context"))
	if err != nil {
		return ""
	}
	return jsonField(req, string(decoded))
}

// identity is the JSON of X-Amz-Cognito-Identity of a call of the API, whose caller has a
// key and may vouch for somebody.
func identity(req *slipway.Request) string {
	return jsonField(req, first(req.Header, "X-Amz-Cognito-Identity"))
}

// attempt is which attempt an asynchronous event is at; 0 for others.
func attempt(req *slipway.Request) int {
	n, err := strconv.Atoi(first(req.Header, "X-Slipway-Attempt"))
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// jsonField is text that can be a field's value, or "". An HTTP event comes from outside:
// it cannot say such things.
func jsonField(req *slipway.Request, text string) string {
	if text == "" || req.Mode != slipway.ModeInvoke || !json.Valid([]byte(text)) || !printable(text) {
		return ""
	}
	return text
}

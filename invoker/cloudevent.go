package invoker

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"

	"github.com/slipway-run/slipway"
)

// structured is req for a process that gets no header: a CloudEvent in the binary form
// becomes one in the structured form. Everything else stays as it is.
func structured(req *slipway.Request) (*slipway.Request, error) {
	if req.Mode != slipway.ModeInvoke || !slipway.IsCloudEvent(req.Header) {
		return req, nil
	}
	body, err := readEvent(req)
	if err != nil {
		return nil, err
	}
	event, err := slipway.BinaryCloudEvent(req.Header, body)
	if err != nil {
		return nil, err
	}
	doc, err := json.Marshal(event)
	if err != nil {
		return nil, err
	}
	r := *req
	r.Header = maps.Clone(req.Header)
	r.Header["Content-Type"] = []string{slipway.CloudEventType}
	r.Body, r.Length = io.NopCloser(bytes.NewReader(doc)), int64(len(doc))
	return &r, nil
}

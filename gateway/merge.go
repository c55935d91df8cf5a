package gateway

import (
	"bytes"
	"encoding/json"
	"io"

	"github.com/slipway-run/slipway"
)

// merged is v with the call's body, a partial JSON document, laid over it as RFC 7396
// (JSON Merge Patch) says. No body leaves v as it is, an unknown field is refused.
func merged[T any](c *call, v T) (T, error) {
	doc, err := c.document()
	if err != nil || len(doc) == 0 {
		return v, err
	}
	return mergedWith(v, doc)
}

func mergedWith[T any](v T, doc []byte) (T, error) {
	var patch map[string]any
	if err := numbered(doc, &patch); err != nil {
		return v, err
	}
	if patch == nil {
		return v, slipway.Errorf(slipway.ErrInvalid, "the body: one JSON object is expected")
	}
	before, err := json.Marshal(v)
	if err != nil {
		return v, err
	}
	var fields map[string]any
	if err := numbered(before, &fields); err != nil {
		return v, err
	}
	after, err := json.Marshal(mergePatch(fields, patch))
	if err != nil {
		return v, err
	}
	var out T
	return out, strictJSON(after, &out)
}

// numbered reads one JSON value and keeps its numbers as they were written.
func numbered(doc []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	if err := dec.Decode(v); err != nil {
		return badJSON(err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return slipway.Errorf(slipway.ErrInvalid, "the body: one JSON object is expected, more follows it")
	}
	return nil
}

// mergePatch is the algorithm of RFC 7396, section 2, for a patch that is an object.
func mergePatch(target, patch map[string]any) map[string]any {
	if target == nil {
		target = map[string]any{}
	}
	for name, value := range patch {
		inner, isObject := value.(map[string]any)
		switch {
		case value == nil:
			delete(target, name)
		case isObject:
			old, _ := target[name].(map[string]any)
			target[name] = mergePatch(old, inner)
		default:
			target[name] = value
		}
	}
	return target
}

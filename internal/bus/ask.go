package bus

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/slipway-run/slipway"
)

const (
	askMethod   = "ASK"
	maxQuestion = 8 << 20 // bytes of a question or an answer
)

// Ask puts a question to whoever answers subject: in is sent as JSON, and the answer
// read into out, which may be nil. Errors are RoundTrip's.
func (b *Bus) Ask(ctx context.Context, subject string, in, out any) error {
	question, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("ask %s: %w", subject, err)
	}
	req := &slipway.Request{Method: askMethod, Length: int64(len(question)), Body: &inlineBody{question}}
	req.Deadline, _ = ctx.Deadline()
	resp, err := b.RoundTrip(ctx, subject, req)
	if err != nil {
		return err
	}
	if resp.Body == nil {
		return fmt.Errorf("ask %s: %w", subject, errMalformed("answer"))
	}
	defer resp.Body.Close()
	answer, err := readBounded(resp.Body)
	if err != nil {
		return fmt.Errorf("ask %s: %w", subject, err)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return slipway.Errorf(slipway.ErrInternal, "ask %s: read the answer: %w", subject, err)
	}
	return nil
}

// Answer answers the questions of subject: what f gives is sent as JSON.
func (b *Bus) Answer(subject, queue string, f func(ctx context.Context, in []byte) (any, error)) (*Subscription, error) {
	return b.Serve(subject, queue, func(ctx context.Context, req *slipway.Request) (*slipway.Response, error) {
		var question []byte
		if req.Body != nil {
			var err error
			if question, err = readBounded(req.Body); err != nil {
				return nil, err
			}
		}
		out, err := f(ctx, question)
		if err != nil {
			return nil, err
		}
		answer, err := json.Marshal(out)
		if err != nil {
			return nil, fmt.Errorf("answer %s: %w", subject, err)
		}
		return &slipway.Response{Length: int64(len(answer)), Body: &inlineBody{answer}}, nil
	})
}

func readBounded(r io.Reader) ([]byte, error) {
	var buf bytes.Buffer
	n, err := io.Copy(&buf, io.LimitReader(r, maxQuestion+1))
	if err == nil && n > maxQuestion {
		err = slipway.Errorf(slipway.ErrTooLarge, "a question or answer is over %d bytes", maxQuestion)
	}
	return buf.Bytes(), err
}

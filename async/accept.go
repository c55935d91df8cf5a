package async

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/slipway-run/slipway"
)

// Accept takes an event for good: when it returns nil, the event is on disk, and will have
// exactly one recorded outcome. An id that is given stands for one event: if that was
// accepted before, its invocation is returned, and e counts for nothing.
//
// An event whose function does not exist is ErrNotFound, a payload over
// slipway.MaxAsyncPayload ErrTooLarge.
func (e *Engine) Accept(ctx context.Context, event slipway.Event) (slipway.Invocation, error) {
	if len(event.Payload) > maxInline {
		body := event.Payload
		event.Payload = nil
		return e.AcceptStream(ctx, event, bytes.NewReader(body))
	}
	known, found, err := e.admit(ctx, &event)
	if found || err != nil {
		return known, err
	}
	event.Size = int64(len(event.Payload))
	return e.put(ctx, event)
}

// AcceptStream is Accept for a payload that is read from body, and kept as a blob when it
// is large. It holds no more than a small one in memory.
func (e *Engine) AcceptStream(ctx context.Context, event slipway.Event, body io.Reader) (slipway.Invocation, error) {
	head, err := io.ReadAll(io.LimitReader(body, maxInline+1))
	if err != nil {
		return slipway.Invocation{}, brokenBody(err)
	}
	if len(head) <= maxInline {
		event.Payload = head
		return e.Accept(ctx, event)
	}
	known, found, err := e.admit(ctx, &event)
	if found || err != nil {
		return known, err
	}
	if err := e.keepBlob(ctx, &event, io.MultiReader(bytes.NewReader(head), body)); err != nil {
		return slipway.Invocation{}, err
	}
	return e.put(ctx, event)
}

// admit completes an event and checks it. One that was accepted before it finds.
func (e *Engine) admit(ctx context.Context, event *slipway.Event) (known slipway.Invocation, found bool, err error) {
	if err := checkHeader(event.Header); err != nil {
		return known, false, err
	}
	if _, err := e.parts.Functions.AsyncSettings(ctx, event.Ref(), event.Qualifier); err != nil {
		return known, false, err
	}
	event.AcceptedAt = e.cfg.Now().UTC()
	if event.ID == "" {
		event.ID = slipway.NewID()
		return known, false, nil
	}
	known, err = e.parts.Store.Invocation(ctx, event.Tenant, event.ID)
	if errors.Is(err, slipway.ErrNotFound) {
		return known, false, nil
	}
	return known, err == nil, err
}

func (e *Engine) put(ctx context.Context, event slipway.Event) (slipway.Invocation, error) {
	if err := e.parts.Intake.Put(ctx, event); err != nil {
		return slipway.Invocation{}, err
	}
	return accepted(event), nil
}

// accepted is the record of an event that nobody has looked at yet.
func accepted(event slipway.Event) slipway.Invocation {
	next := event.AcceptedAt
	if event.NotBefore != nil {
		next = *event.NotBefore
	}
	return slipway.Invocation{
		ID: event.ID, Tenant: event.Tenant, Function: event.Function, Qualifier: event.Qualifier, Mode: "async", Source: event.Source,
		State: slipway.InvocationQueued, Attempts: []slipway.InvocationAttempt{}, Size: event.Size, AcceptedAt: event.AcceptedAt, NextAt: &next,
	}
}

func checkHeader(h slipway.Header) error {
	size := 0
	for name, values := range h {
		for _, v := range values {
			size += len(name) + len(v)
		}
	}
	if size > maxHeader {
		return slipway.Errorf(slipway.ErrTooLarge, "the event's header is %d bytes; at most %d are allowed", size, maxHeader)
	}
	return nil
}

// nonceBytes stand before the payload in a blob. They make its digest its own: no image's
// layer and no other event has the same, so that it can be removed when the event is.
const nonceBytes = 32

// keepBlob writes the payload to a file, where its digest becomes known, and from there to
// the blobs. It is noted in the store before: what a crash leaves behind is found there.
func (e *Engine) keepBlob(ctx context.Context, event *slipway.Event, body io.Reader) error {
	file, err := os.CreateTemp(e.cfg.SpoolDir, "event-*")
	if err != nil {
		return diskError("make a file for the event", err)
	}
	defer os.Remove(file.Name())
	defer file.Close()
	nonce := make([]byte, nonceBytes)
	rand.Read(nonce) // never fails: see crypto/rand
	hash, in := sha256.New(), &reader{r: io.LimitReader(body, slipway.MaxAsyncPayload+1)}
	size, err := io.Copy(io.MultiWriter(file, hash), io.MultiReader(bytes.NewReader(nonce), in))
	switch {
	case in.err != nil:
		return brokenBody(in.err)
	case err != nil:
		return diskError("write the event", err)
	case size > nonceBytes+slipway.MaxAsyncPayload:
		return errTooLarge
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read the event: %w", err)
	}
	event.Blob, event.Size = "sha256:"+hex.EncodeToString(hash.Sum(nil)), size-nonceBytes
	if err := e.parts.Store.NoteBlob(ctx, event.Blob); err != nil {
		return err
	}
	return e.parts.Blobs.Put(ctx, event.Blob, size, file)
}

// payload opens the payload of an event, wherever it is.
func (e *Engine) payload(ctx context.Context, event slipway.Event) (io.ReadCloser, error) {
	if event.Blob == "" {
		return io.NopCloser(bytes.NewReader(event.Payload)), nil
	}
	blob, _, err := e.parts.Blobs.Open(ctx, event.Blob)
	if err != nil {
		return nil, err
	}
	if _, err := io.CopyN(io.Discard, blob, nonceBytes); err != nil {
		blob.Close()
		return nil, fmt.Errorf("read the payload of invocation %s: %w", event.ID, err)
	}
	return blob, nil
}

// reader remembers its error, to tell a client that broke off from a disk that is full.
type reader struct {
	r   io.Reader
	err error
}

func (s *reader) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

func brokenBody(err error) error {
	var known *slipway.Error
	if errors.As(err, &known) {
		return err
	}
	return slipway.Errorf(slipway.ErrInvalid, "the event broke off: %w", err)
}

func diskError(act string, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return slipway.Errorf(slipway.ErrUnavailable, "%s: the gateway's disk is full; free some room and send it again", act)
	}
	return fmt.Errorf("%s: %w", act, err)
}

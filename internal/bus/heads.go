package bus

import (
	"encoding/binary"
	"time"

	"github.com/slipway-run/slipway"
)

// Flags of a head.
const (
	flagBody     = 1 << iota // there is a body
	flagComplete             // the body is complete: it follows the head in this message
	flagSecure
	flagDeadline
	flagReceived
	flagTrailer
	flagCold
	flagError
	flagHandled
	flagUsed // what the invocation used is known
)

// bodyFlags says how a body travels.
func bodyFlags(present, complete bool) uint64 {
	var flags uint64
	if present {
		flags |= flagBody
	}
	if complete {
		flags |= flagComplete
	}
	return flags
}

// appendRequest writes r without its body. Times are relative to now.
func appendRequest(b []byte, r *slipway.Request, flags uint64, now time.Time) []byte {
	if r.Secure {
		flags |= flagSecure
	}
	if r.Trailer != nil && flags&flagComplete == 0 {
		flags |= flagTrailer
	}
	if !r.Deadline.IsZero() {
		flags |= flagDeadline
	}
	if !r.Received.IsZero() {
		flags |= flagReceived
	}
	return appendHead(b, func(b []byte) []byte {
		b = append(b, codecVersion)
		b = binary.AppendUvarint(b, flags)
		b = appendString(b, r.ID)
		b = appendString(b, r.Version.Tenant)
		b = appendString(b, r.Version.Function)
		b = binary.AppendVarint(b, int64(r.Version.Version))
		b = appendString(b, string(r.Mode))
		b = binary.AppendVarint(b, int64(r.Limit))
		if flags&flagDeadline != 0 {
			b = binary.AppendVarint(b, int64(r.Deadline.Sub(now)))
		}
		if flags&flagReceived != 0 {
			b = binary.AppendVarint(b, int64(now.Sub(r.Received)))
		}
		b = appendString(b, r.Method)
		b = appendString(b, r.Target)
		b = appendString(b, r.Host)
		b = appendString(b, r.Proto)
		b = appendString(b, r.RemoteAddr)
		b = appendHeader(b, r.Header)
		return binary.AppendVarint(b, r.Length)
	})
}

// parseRequest reads a request; inline is the body that came with it.
func parseRequest(payload []byte, now time.Time) (r *slipway.Request, flags uint64, inline []byte, err error) {
	d, inline, ok := splitHead(payload)
	if !ok {
		return nil, 0, nil, errMalformed("request")
	}
	flags = d.uvarint()
	r = &slipway.Request{Secure: flags&flagSecure != 0}
	r.ID = d.string()
	r.Version = slipway.VersionRef{Tenant: d.string(), Function: d.string(), Version: int(d.varint())}
	r.Mode = slipway.Mode(d.string())
	r.Limit = int(d.varint())
	if flags&flagDeadline != 0 {
		r.Deadline = now.Add(time.Duration(d.varint()))
	}
	if flags&flagReceived != 0 {
		r.Received = now.Add(-time.Duration(d.varint()))
	}
	r.Method, r.Target, r.Host = d.string(), d.string(), d.string()
	r.Proto, r.RemoteAddr = d.string(), d.string()
	r.Header = d.header()
	r.Length = d.varint()
	if d.failed {
		return nil, 0, nil, errMalformed("request")
	}
	return r, flags, inline, nil
}

// appendResponse writes r without its body.
func appendResponse(b []byte, r *slipway.Response, flags uint64) []byte {
	if r.Trailer != nil && flags&flagComplete == 0 {
		flags |= flagTrailer
	}
	if r.ColdStart {
		flags |= flagCold
	}
	if r.Used != (slipway.Used{}) {
		flags |= flagUsed
	}
	if r.FunctionError != nil {
		flags |= flagError
		if r.FunctionError.Handled {
			flags |= flagHandled
		}
	}
	return appendHead(b, func(b []byte) []byte {
		b = append(b, codecVersion)
		b = binary.AppendUvarint(b, flags)
		b = binary.AppendVarint(b, int64(r.Status))
		b = appendHeader(b, r.Header)
		b = binary.AppendVarint(b, r.Length)
		b = appendString(b, r.Instance)
		for _, phase := range [...]time.Duration{r.Phases.Route, r.Phases.Queue, r.Phases.Start, r.Phases.Run} {
			b = binary.AppendVarint(b, int64(phase))
		}
		if flags&flagUsed != 0 {
			b = binary.AppendVarint(b, int64(r.Used.CPU))
			b = binary.AppendVarint(b, r.Used.MemoryPeak)
		}
		if e := r.FunctionError; e != nil {
			b = appendString(b, e.Type)
			b = appendString(b, e.Message)
			b = appendString(b, string(e.StackTrace))
			b = appendString(b, string(e.Payload))
		}
		return appendString(b, r.LogTail)
	})
}

// parseResponse reads a response; inline is the body that came with it.
func parseResponse(payload []byte) (r *slipway.Response, flags uint64, inline []byte, err error) {
	d, inline, ok := splitHead(payload)
	if !ok {
		return nil, 0, nil, errMalformed("response")
	}
	flags = d.uvarint()
	r = &slipway.Response{ColdStart: flags&flagCold != 0}
	r.Status = int(d.varint())
	r.Header = d.header()
	r.Length = d.varint()
	r.Instance = d.string()
	for _, phase := range [...]*time.Duration{&r.Phases.Route, &r.Phases.Queue, &r.Phases.Start, &r.Phases.Run} {
		*phase = time.Duration(d.varint())
	}
	if flags&flagUsed != 0 {
		r.Used = slipway.Used{CPU: time.Duration(d.varint()), MemoryPeak: d.varint()}
	}
	if flags&flagError != 0 {
		r.FunctionError = &slipway.FunctionError{Type: d.string(), Message: d.string(),
			StackTrace: optional(d.string()), Payload: optional(d.string()), Handled: flags&flagHandled != 0}
	}
	r.LogTail = d.string()
	if d.failed {
		return nil, 0, nil, errMalformed("response")
	}
	return r, flags, inline, nil
}

func optional(s string) []byte {
	if s == "" {
		return nil
	}
	return []byte(s)
}

package bus

import (
	"bytes"
	"io"
	"reflect"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
)

func FuzzRequestHead(f *testing.F) {
	now := time.Unix(1000, 0)
	f.Add(appendRequest(nil, &slipway.Request{ID: "i", Method: "GET", Header: slipway.Header{"A": {"1", "2"}}, Deadline: now, Received: now}, flagBody, now))
	f.Add([]byte{0, 0, 0, 2, 1, 255, 255})
	f.Fuzz(func(t *testing.T, payload []byte) {
		r, flags, inline, err := parseRequest(payload, now)
		if err != nil {
			return
		}
		again := append(appendRequest(nil, r, flags&(flagBody|flagComplete), now), inline...)
		r2, _, inline2, err := parseRequest(again, now)
		if err != nil || !reflect.DeepEqual(r, r2) || !bytes.Equal(inline, inline2) {
			t.Errorf("%+v came back as %+v: %v", r, r2, err)
		}
	})
}

func FuzzResponseHead(f *testing.F) {
	f.Add(appendResponse(nil, &slipway.Response{Status: 200, Header: slipway.Header{"A": {"1"}}, Used: slipway.Used{CPU: 5, MemoryPeak: 6}, FunctionError: &slipway.FunctionError{Type: "T"}}, flagBody))
	f.Add([]byte{0, 0, 0, 2, 1, 255, 255})
	f.Fuzz(func(t *testing.T, payload []byte) {
		r, flags, inline, err := parseResponse(payload)
		if err != nil {
			return
		}
		again := append(appendResponse(nil, r, flags&(flagBody|flagComplete)), inline...)
		r2, _, inline2, err := parseResponse(again)
		if err != nil || !reflect.DeepEqual(r, r2) || !bytes.Equal(inline, inline2) {
			t.Errorf("%+v came back as %+v: %v", r, r2, err)
		}
	})
}

// FuzzFrames gives a caller's and a handler's end of a call a row of hostile frames.
func FuzzFrames(f *testing.F) {
	frameOf := func(kind byte, number uint32, payload string) []byte {
		b := append(make([]byte, frameBytes), payload...)
		putFrame(b, kind, 7, number, 3)
		return append([]byte{byte(len(b))}, b...)
	}
	f.Add(bytes.Join([][]byte{frameOf(kindHead, 0, "h"), frameOf(kindData, 1, "abc"), frameOf(kindEnd, 2, "")}, nil))
	f.Add(bytes.Join([][]byte{frameOf(kindError, 0, "\x05"), frameOf(kindCancel, 1, "")}, nil))
	f.Fuzz(func(t *testing.T, rows []byte) {
		for _, caller := range []bool{true, false} {
			x := (&Bus{}).newExchange(7, newHandled("h"))
			x.err = errOver // nothing leaves this end
			if caller {
				x.inbox = &inbox{events: make(chan event, 1)}
			}
			for rest := rows; len(rest) > 0; {
				n := min(int(rest[0])+1, len(rest))
				if f, ok := parseFrame(rest[1:n]); ok {
					x.err = nil
					_ = x.accept(f, "reply")
					x.err = errOver
				}
				rest = rest[n:]
			}
			if len(x.queue) > window {
				t.Errorf("%d frames wait", len(x.queue))
			}
			if n, err := io.Copy(io.Discard, &streamBody{x: x}); err == nil && n > int64(len(rows)) {
				t.Errorf("%d bytes of %d", n, len(rows))
			}
		}
	})
}

func FuzzLogBatch(f *testing.F) {
	f.Add(appendLine(nil, &slipway.LogLine{At: time.Unix(5, 6), Version: 1, Instance: "i", Stream: "stdout", Text: "x"}, 0))
	f.Fuzz(func(t *testing.T, batch []byte) {
		var lines int
		_ = eachLine(batch, topic{}, func(slipway.LogLine) error { lines++; return nil })
		if lines > len(batch) {
			t.Errorf("%d lines of %d bytes", lines, len(batch))
		}
	})
}

// TestHostileLengths holds that nothing is allocated on the word of the other end.
func TestHostileLengths(t *testing.T) {
	huge := []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}
	got := testing.AllocsPerRun(10, func() {
		for n := range 20 {
			d := decoder{s: string(append(make([]byte, n), huge...))}
			for !d.failed && d.s != "" {
				_ = d.header()
			}
		}
	})
	if got > 2000 {
		t.Errorf("%v allocations", got)
	}
}

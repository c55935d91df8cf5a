package bus

import (
	"encoding/binary"
	"time"

	"github.com/slipway-run/slipway"
)

// A message of the streams of log lines holds a batch of lines of one topic, whose name
// is in the subject: a version, then the lines one after the other in the terms of
// codec.go, each time relative to the one before.

// appendLine adds a line to a batch. before is the time of the line before, 0 on the
// first, which starts the batch.
func appendLine(b []byte, l *slipway.LogLine, before int64) []byte {
	if len(b) == 0 {
		b = append(b, codecVersion)
	}
	b = binary.AppendVarint(b, l.At.UnixNano()-before)
	b = binary.AppendVarint(b, int64(l.Version))
	b = appendString(b, l.Instance)
	b = appendString(b, l.Invocation)
	b = appendString(b, l.Stream)
	return appendString(b, l.Text)
}

// eachLine gives the lines of a batch to f, which ends it by an error.
func eachLine(batch []byte, t topic, f func(slipway.LogLine) error) error {
	d := decoder{s: string(batch)}
	if d.byte() != codecVersion {
		return errMalformed("batch of log lines")
	}
	var at int64
	for d.s != "" {
		at += d.varint()
		l := slipway.LogLine{
			At: time.Unix(0, at).UTC(), Tenant: t.tenant, Function: t.name, Version: int(d.varint()),
			Instance: d.string(), Invocation: d.string(), Stream: d.string(), Text: d.string(),
		}
		if d.failed {
			return errMalformed("batch of log lines")
		}
		if err := f(l); err != nil {
			return err
		}
	}
	return nil
}

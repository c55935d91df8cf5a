package bus

import (
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/slipway-run/slipway"
)

// A message of the intake is events one after the other. Each is the length of a JSON
// document, the document (the event without its payload), the length of the payload, and
// the payload as it is; lengths are unsigned varints (encoding/binary).

// appendEvent adds e to a message.
func appendEvent(b []byte, e *slipway.Event) ([]byte, error) {
	payload, head := e.Payload, *e
	head.Payload = nil
	doc, err := json.Marshal(head)
	if err != nil {
		return b, slipway.Errorf(slipway.ErrInvalid, "write the event: %w", err)
	}
	b = append(binary.AppendUvarint(b, uint64(len(doc))), doc...)
	return append(binary.AppendUvarint(b, uint64(len(payload))), payload...), nil
}

// decodeEvents reads a message. The payloads share its memory.
func decodeEvents(b []byte) ([]slipway.Event, error) {
	var events []slipway.Event
	for len(b) > 0 {
		doc, rest, err := cutBytes(b)
		if err != nil {
			return nil, err
		}
		var e slipway.Event
		if err := json.Unmarshal(doc, &e); err != nil {
			return nil, fmt.Errorf("event %d: %w", len(events), err)
		}
		if e.Payload, b, err = cutBytes(rest); err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, nil
}

// cutBytes takes a length and so many bytes off b.
func cutBytes(b []byte) (piece, rest []byte, err error) {
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)-size) {
		return nil, nil, fmt.Errorf("events: a length is wrong, %d bytes before the end", len(b))
	}
	end := size + int(n)
	return b[size:end:end], b[end:], nil
}

package bus

import (
	"bytes"
	"testing"

	"github.com/slipway-run/slipway"
)

// FuzzEvents: whatever stands in a message, reading it ends, and what can be read is
// written the same way again.
func FuzzEvents(f *testing.F) {
	one, err := appendEvent(nil, &slipway.Event{ID: "1", Tenant: "t", Function: "f", Payload: []byte("payload")})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(one)
	f.Add(append(one, one...))
	f.Add(one[:len(one)-1])
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		events, err := decodeEvents(b)
		if err != nil {
			return
		}
		var again []byte
		for i := range events {
			if again, err = appendEvent(again, &events[i]); err != nil {
				t.Fatal(err)
			}
		}
		back, err := decodeEvents(again)
		if err != nil || len(back) != len(events) {
			t.Fatalf("%d events became %d, %v", len(events), len(back), err)
		}
		for i := range back {
			if back[i].ID != events[i].ID || !bytes.Equal(back[i].Payload, events[i].Payload) {
				t.Errorf("event %d changed", i)
			}
		}
	})
}

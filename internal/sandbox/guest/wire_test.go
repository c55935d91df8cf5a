package guest_test

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/slipway-run/slipway/internal/sandbox/guest"
)

func FuzzDecode(f *testing.F) {
	reply := guest.Reply{Failure: &guest.Failure{Step: "mount /proc", Errno: 13, Text: "permission denied", User: true}}
	b, err := guest.Encode(reply)
	if err != nil {
		f.Fatal(err)
	}
	var got guest.Reply
	if err := guest.Decode(bytes.NewReader(b), &got); err != nil || !reflect.DeepEqual(got, reply) {
		f.Fatalf("%+v, %v", got, err)
	}
	f.Add(b)
	f.Add(b[:len(b)-1])
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{0, 0, 0, 2, '{', '}'})
	f.Fuzz(func(t *testing.T, b []byte) {
		var r guest.Reply
		if err := guest.Decode(bytes.NewReader(b), &r); err == nil && len(b) < 4 {
			t.Errorf("%x is a message", b)
		}
	})
}

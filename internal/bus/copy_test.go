package bus_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"

	"github.com/slipway-run/slipway/internal/bus"
)

func TestCopy(t *testing.T) {
	data := make([]byte, 1<<20)
	rand.NewChaCha8([32]byte{3}).Read(data)
	for name, src := range map[string]io.Reader{
		"at once":       bytes.NewReader(data),
		"byte by byte":  iotest.OneByteReader(bytes.NewReader(data)),
		"half by half":  iotest.HalfReader(bytes.NewReader(data)),
		"end with data": iotest.DataErrReader(bytes.NewReader(data)),
	} {
		var got bytes.Buffer
		if err := bus.Copy(&got, src); err != nil || !bytes.Equal(got.Bytes(), data) {
			t.Errorf("%s: %d bytes, %v", name, got.Len(), err)
		}
	}
	broken := errors.New("broken")
	if err := bus.Copy(io.Discard, io.MultiReader(bytes.NewReader(data), iotest.ErrReader(broken))); err != broken {
		t.Errorf("of the source: %v", err)
	}
	r, w := io.Pipe()
	r.CloseWithError(broken)
	if err := bus.Copy(w, bytes.NewReader(data)); err != broken {
		t.Errorf("of the destination: %v", err)
	}
}

package packager

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

func TestReadAhead(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789"), 300_000)
	t.Run("all of it, in any pieces", func(t *testing.T) {
		for _, r := range []io.Reader{bytes.NewReader(data), iotest.HalfReader(bytes.NewReader(data)), iotest.DataErrReader(bytes.NewReader(data))} {
			a := newReadAhead(r)
			got, err := io.ReadAll(iotest.HalfReader(a))
			if err != nil || !bytes.Equal(got, data) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			if err := a.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("an error comes after what was before it, and stays", func(t *testing.T) {
		want := errors.New("broken")
		a := newReadAhead(io.MultiReader(bytes.NewReader(data), iotest.ErrReader(want)))
		defer a.Close()
		got, err := io.ReadAll(a)
		if !bytes.Equal(got, data) || !errors.Is(err, want) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		if _, err := a.Read(make([]byte, 1)); !errors.Is(err, want) {
			t.Errorf("then %v", err)
		}
	})
	t.Run("one who stops in the middle", func(t *testing.T) {
		a := newReadAhead(bytes.NewReader(data))
		if _, err := a.Read(make([]byte, 10)); err != nil {
			t.Fatal(err)
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

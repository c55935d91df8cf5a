package sdk

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestEventReader(t *testing.T) {
	tests := []struct{ name, stream, want string }{
		{"one", "event: log\ndata: {}\n\n", "log={}"},
		{"no name", "data: x\n\n", "=x"},
		{"no space", "event:log\ndata:x\n\n", "log=x"},
		{"many lines", "data: a\ndata: b\n\n", "=a\nb"},
		{"no data", "event: ping\n\ndata: x\n\n", "=x"},
		{"empty data", "data:\n\n", "="},
		{"comments and unknown fields", ": still here\n\nid: 7\nretry: 10\ndata: x\n\n", "=x"},
		{"CR LF", "event: a\r\ndata: x\r\n\r\n", "a=x"},
		{"CR", "event: a\rdata: x\r\r", "a=x"},
		{"cut off", "data: x\n\ndata: y\n", "=x"},
		{"a name is of one event only", "event: a\ndata: x\n\ndata: y\n\n", "a=x,=y"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, r := range []io.Reader{strings.NewReader(tt.stream), iotest.OneByteReader(strings.NewReader(tt.stream))} {
				if got, err := events(r); got != tt.want || !errors.Is(err, io.EOF) {
					t.Errorf("got %q, %v; want %q", got, err, tt.want)
				}
			}
		})
	}
	t.Run("an error of the connection", func(t *testing.T) {
		broken := errors.New("broken")
		if _, err := events(iotest.ErrReader(broken)); !errors.Is(err, broken) {
			t.Errorf("%v", err)
		}
	})
}

func events(r io.Reader) (string, error) {
	var all []string
	for reader := newEventReader(r); ; {
		event, data, err := reader.next()
		if err != nil {
			return strings.Join(all, ","), err
		}
		all = append(all, fmt.Sprintf("%s=%s", event, data))
	}
}

// FuzzEventReader: however a stream comes in pieces, it is the same stream.
func FuzzEventReader(f *testing.F) {
	f.Add("event: a\ndata: x\r\n\r\ndata: y\n\n: c\n")
	f.Add("\r\n\rdata\n\n")
	f.Fuzz(func(t *testing.T, stream string) {
		whole, _ := events(strings.NewReader(stream))
		pieces, _ := events(iotest.OneByteReader(strings.NewReader(stream)))
		if whole != pieces {
			t.Errorf("at once %q, in pieces %q", whole, pieces)
		}
	})
}

func TestInASCII(t *testing.T) {
	doc := "{\n\t\"a\": \"gr\u00fc\u00df \U0001f44b\"\n}"
	if got, want := inASCII([]byte(doc)), `{  "a": "gr\u00fc\u00df \ud83d\udc4b" }`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

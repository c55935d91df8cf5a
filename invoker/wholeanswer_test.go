package invoker

import (
	"bufio"
	"bytes"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestWholeAnswer(t *testing.T) {
	const fields = "Content-Type: text/plain\r\nset-cookie: a\r\nX-Empty:\r\nSet-Cookie: b \r\nKeep-Alive: timeout=5\r\nConnection: keep-alive\r\n"
	for name, c := range map[string]struct {
		wire  string
		whole bool
	}{
		"plain":             {"HTTP/1.1 200 OK\r\n" + fields + "Content-Length: 5\r\n\r\nhello", true},
		"no reason":         {"HTTP/1.1 404\r\nContent-Length: 1\r\n\r\n!", true},
		"empty":             {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true},
		"body to come":      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", false},
		"head to come":      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", false},
		"no length":         {"HTTP/1.1 200 OK\r\n\r\nhello", false},
		"two lengths":       {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 0\r\n\r\nhello", false},
		"signed length":     {"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello", false},
		"chunked":           {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello", false},
		"to be closed":      {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello", false},
		"fields named":      {"HTTP/1.1 200 OK\r\nConnection: X-Mine\r\nContent-Length: 5\r\n\r\nhello", false},
		"old":               {"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", false},
		"not modified":      {"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", false},
		"informs":           {"HTTP/1.1 103 Early Hints\r\nContent-Length: 0\r\n\r\n", false},
		"folded":            {"HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 5\r\n\r\nhello", false},
		"space before":      {"HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello", false},
		"control character": {"HTTP/1.1 200 OK\r\nX-A: b\x00c\r\nContent-Length: 5\r\n\r\nhello", false},
		"status, line feed": {"HTTP/1.1 200 OK\n\r\nContent-Length: 0\r\n\r\n", false},
		"bare line feed":    {"HTTP/1.1 200 OK\r\nX-A: b\nX-B: c\r\nContent-Length: 5\r\n\r\nhello", false},
	} {
		t.Run(name, func(t *testing.T) {
			here := connWith(t, c.wire)
			got := here.wholeAnswer("GET")
			if got == nil {
				if c.whole {
					t.Fatal("it was not taken")
				}
				if left, _ := here.br.Peek(here.br.Buffered()); string(left) != c.wire {
					t.Errorf("what is left is %q", left)
				}
				return
			}
			if !c.whole {
				t.Fatalf("it was taken: %+v", got)
			}
			same(t, c.wire, got.Status, got.Header, got.Body)
			if here.br.Buffered() != 0 {
				t.Errorf("%d bytes are left", here.br.Buffered())
			}
		})
	}
}

// same holds an answer against what net/http makes of it.
func same(t *testing.T, wire string, status int, header map[string][]string, body io.Reader) {
	t.Helper()
	want, err := http.ReadResponse(bufio.NewReader(bytes.NewReader([]byte(wire))), nil)
	if err != nil {
		t.Fatal(err)
	}
	var text []byte
	if body != nil {
		text, _ = io.ReadAll(body)
	}
	wantText, _ := io.ReadAll(want.Body)
	if fields := answerHeader(want); status != want.StatusCode || !maps.EqualFunc(header, fields, slices.Equal) || !bytes.Equal(text, wantText) {
		t.Errorf("got %d %v %q, want %d %v %q", status, header, text, want.StatusCode, fields, wantText)
	}
}

// connWith is a connection over which wire has come.
func connWith(t *testing.T, wire string) *httpConn {
	t.Helper()
	near, far := net.Pipe()
	t.Cleanup(func() { near.Close(); far.Close() })
	_ = near.SetDeadline(time.Now().Add(time.Minute))
	go io.WriteString(far, wire)
	return newHTTPConn(near)
}

func FuzzWholeAnswer(f *testing.F) {
	f.Add("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 0")
	f.Add("HTTP/1.1 500\r\nContent-Length: 0\r\nSet-Cookie: a\r\nset-cookie: b")
	f.Fuzz(func(t *testing.T, head string) {
		head, _, _ = strings.Cut(head+"\r\n\r\n", "\r\n\r\n")
		if got := parseWhole(head); got != nil && got.Length == 0 {
			same(t, head+"\r\n\r\n", got.Status, got.Header, nil)
		}
	})
}

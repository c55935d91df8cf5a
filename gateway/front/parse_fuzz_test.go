package front

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"reflect"
	"testing"
)

// FuzzParse holds what is accepted here against net/http: it must read the same request,
// of the same length, with the same body behind it.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"POST /a%20b?c=d&e HTTP/1.1\r\nHost: fn.localhost:8080\r\nContent-Length: 5\r\nX-A: 1\r\nx-a:2\r\n\r\nhelloGET",
		"GET /? HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
		"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\na",
		"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
		"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
		"GET / HTTP/1.1\nHost: x\n\n",
		"GET / HTTP/1.1\r\nHost: x\r\nA: b\nC: d\r\n\r\n",
		"GET http://y/ HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET //y/ HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET / HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: \r\n\r\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"GET /;a=b/..//c:d@e HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: a=b; c=\"d\"\r\n\r\n",
		"GET /a?b=%zz HTTP/1.1\r\nHost: x\r\nUser-Agent:\r\n\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, n := parse(b, &http.Request{})
		if got == nil {
			return
		}
		whole := bytes.NewReader(b)
		br := bufio.NewReader(whole)
		want, err := http.ReadRequest(br)
		if err != nil {
			t.Fatalf("accepted here, and there %v", err)
		}
		if at := len(b) - whole.Len() - br.Buffered(); at != n {
			t.Fatalf("the head has %d bytes here and %d there", n, at)
		}
		if got.Method != want.Method || got.RequestURI != want.RequestURI || got.Host != want.Host || got.Proto != want.Proto ||
			got.ProtoMajor != want.ProtoMajor || got.ProtoMinor != want.ProtoMinor || got.ContentLength != want.ContentLength ||
			want.Close || want.TransferEncoding != nil || want.Trailer != nil {
			t.Fatalf("here\n%+v\nthere\n%+v", &got.Request, want)
		}
		if !reflect.DeepEqual(got.Header, want.Header) {
			t.Fatalf("header here\n%v\nthere\n%v", got.Header, want.Header)
		}
		if !reflect.DeepEqual(got.URL, want.URL) {
			t.Fatalf("URL here\n%#v\nthere\n%#v", got.URL, want.URL)
		}
		body, _ := io.ReadAll(want.Body)
		if here := b[n:]; int64(len(here)) >= got.ContentLength && !bytes.Equal(body, here[:got.ContentLength]) {
			t.Fatalf("body here %q, there %q", here, body)
		}
	})
}

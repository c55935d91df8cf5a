package front_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestEverythingElse goes to net/http, from the request on that is not plain, which is
// the second of its connection.
func TestEverythingElse(t *testing.T) {
	_, addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "echo" {
			conn, rw, err := http.NewResponseController(w).Hijack()
			if err != nil {
				panic(err)
			}
			defer conn.Close()
			io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\n\r\n")
			io.Copy(conn, rw)
			return
		}
		b, _ := io.ReadAll(r.Body)
		fmt.Fprint(w, place(r), " ", len(b))
	})
	first := "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	for name, request := range map[string]string{
		"not taken":       "GET /api HTTP/1.1\r\nHost: x\r\n\r\n",
		"HTTP/1.0":        "GET / HTTP/1.0\r\nHost: x\r\n\r\n",
		"close":           "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
		"absolute":        "GET http://y/ HTTP/1.1\r\nHost: x\r\n\r\n",
		"bare line feeds": "GET / HTTP/1.1\nHost: x\n\n",
		"long head":       "GET / HTTP/1.1\r\nHost: x\r\nA: " + strings.Repeat("a", 10000) + "\r\n\r\n",
		"non-ASCII":       "GET / HTTP/1.1\r\nHost: x\r\nA: ü\r\n\r\n",
	} {
		c := dial(t, addr)
		c.send(first + request)
		c.want("GET", 200, "here 0")
		if _, body := c.answer("GET"); body != "there 0" {
			t.Errorf("%s: %q", name, body)
		}
	}
	for name, tt := range map[string]struct{ request, body string }{
		"chunked":      {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "there 3"},
		"longer body":  {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 20000\r\n\r\n" + strings.Repeat("x", 20000), "there 20000"},
		"expectations": {"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc", "there 3"},
	} {
		c := dial(t, addr)
		c.send(first + tt.request)
		c.want("GET", 200, "here 0")
		res, body := c.answer("POST")
		if res.StatusCode == http.StatusContinue {
			_, body = c.answer("POST")
		}
		if body != tt.body {
			t.Errorf("%s: %q", name, body)
		}
	}
	for name, request := range map[string]string{
		"two lengths": "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
		"signed":      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc",
		"two hosts":   "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
		"no host":     "GET / HTTP/1.1\r\n\r\n",
		"spaced name": "GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n",
		"no HTTP":     "hello, this is no HTTP at all\r\n\r\n", // net/http waits for as much as the preface of HTTP/2
	} {
		c := dial(t, addr)
		c.send(request)
		if res, body := c.answer("GET"); res.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %s %q", name, res.Status, body)
		}
	}
	t.Run("a switch of protocols", func(t *testing.T) {
		c := dial(t, addr)
		c.send(first + "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		c.want("GET", 200, "here 0")
		if res, err := http.ReadResponse(c.r, nil); err != nil || res.StatusCode != http.StatusSwitchingProtocols {
			t.Fatal(res, err)
		}
		c.send("ping")
		if got, err := c.r.Peek(4); string(got) != "ping" {
			t.Errorf("%q, %v", got, err)
		}
	})
	t.Run("HTTP/2", func(t *testing.T) {
		var only http.Protocols
		only.SetUnencryptedHTTP2(true)
		transport := &http.Transport{Protocols: &only}
		defer transport.CloseIdleConnections()
		res, err := (&http.Client{Transport: transport}).Post("http://"+addr+"/", "text/plain", strings.NewReader("abc"))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if body, _ := io.ReadAll(res.Body); res.Proto != "HTTP/2.0" || string(body) != "there 3" {
			t.Errorf("%s %q", res.Proto, body)
		}
	})
}

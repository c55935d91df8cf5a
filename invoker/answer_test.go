package invoker_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/slipway-run/slipway/invoker"
)

func TestHandlerAnswers(t *testing.T) {
	for _, tt := range []struct {
		name, answer string
		status       int // 0 is refused
		header       string
		body         string
	}{
		{"a document", `{"a":1}`, 200, "application/json", `{"a":1}`},
		{"no status", `{"statusCode":null,"body":"x"}`, 200, "application/json", `{"statusCode":null,"body":"x"}`},
		{"text", `"hello"`, 200, "application/json", `"hello"`},
		{"status and body", `{"statusCode":404,"headers":{"content-type":"text/plain"},"body":"gone"}`, 404, "text/plain", "gone"},
		{"status in a string", `{"statusCode":"201","headers":{"content-type":"text/plain"}}`, 201, "text/plain", ""},
		{"a body that is JSON", `{"statusCode":200,"body":{"a":1}}`, 200, "application/json", `{"a":1}`},
		{"base64", `{"statusCode":200,"headers":{"Content-Type":"image/png"},"body":"AAE=","isBase64Encoded":true}`, 200, "image/png", "\x00\x01"},
		{"several values", `{"statusCode":200,"headers":{"Content-Type":["a/b","c/d"]}}`, 200, "a/b,c/d", ""},
		{"values of format 1.0 win", `{"statusCode":200,"headers":{"content-type":"x/y"},"multiValueHeaders":{"Content-Type":["a/b","c/d"]}}`, 200, "a/b,c/d", ""},
		{"no value", `{"statusCode":204,"headers":{"Content-Type":null}}`, 204, "", ""},
		{"a status that is none", `{"statusCode":99}`, 0, "statusCode 99", ""},
		{"a status of words", `{"statusCode":"ok"}`, 0, "statusCode ok", ""},
		{"headers that are none", `{"statusCode":200,"headers":[1]}`, 0, "no answer to an HTTP event", ""},
		{"a header that splits", `{"statusCode":200,"headers":{"a":"b\r\nc: d"}}`, 0, `"a" cannot be sent`, ""},
		{"base64 that is none", `{"statusCode":200,"body":"?","isBase64Encoded":true}`, 0, "isBase64Encoded", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp, err := invoker.DecodeHTTPAnswer([]byte(tt.answer))
			if tt.status == 0 {
				if err == nil || !strings.Contains(err.Error(), tt.header) {
					t.Fatalf("%+v, %v", resp, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(resp.Body)
			if got := strings.Join(resp.Header["Content-Type"], ","); resp.Status != tt.status || got != tt.header || string(body) != tt.body {
				t.Errorf("%d %q %q", resp.Status, got, body)
			}
		})
	}
}

// FuzzHTTPAnswer: whatever a handler answers, it is refused or can be sent.
func FuzzHTTPAnswer(f *testing.F) {
	f.Add([]byte(`{"statusCode":"201","headers":{"a":[1,true,null,"x"]},"multiValueHeaders":{"b":["c"]},"cookies":["d=e"],"body":"AAE=","isBase64Encoded":true}`))
	f.Add([]byte(`[1]`))
	f.Fuzz(func(t *testing.T, answer []byte) {
		resp, err := invoker.DecodeHTTPAnswer(answer)
		if err != nil {
			return
		}
		if resp.Status < 200 || resp.Status > 599 {
			t.Errorf("status %d", resp.Status)
		}
		for name, values := range resp.Header {
			if name != http.CanonicalHeaderKey(name) || strings.ContainsAny(name+strings.Join(values, ""), "\r\n\x00") {
				t.Errorf("header %q: %q", name, values)
			}
		}
	})
}

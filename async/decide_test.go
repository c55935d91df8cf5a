package async

import (
	"errors"
	"fmt"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/slipway-run/slipway"
)

func TestDecide(t *testing.T) {
	s := slipway.DefaultConfig().Async
	s.OnSuccess, s.OnFailure = "nats:ok", "nats:dead"
	failed := func(kind string) ending {
		return ending{outcome: slipway.Outcome{Version: 2, Error: &slipway.InvocationError{Type: kind}}}
	}
	tests := []struct {
		name        string
		turn        slipway.Turn
		end         ending
		state       slipway.InvocationState
		wait        time.Duration // at most, when it is queued
		failed      int
		putBack     int
		destination string
	}{
		{name: "success", turn: slipway.Turn{PutBack: 3}, end: ending{outcome: slipway.Outcome{Version: 2}}, state: "succeeded", destination: "nats:ok"},
		{name: "first failure", turn: slipway.Turn{PutBack: 3}, end: failed("E"), state: "queued", wait: time.Minute, failed: 1},
		{name: "second failure", turn: slipway.Turn{Failed: 1}, end: failed("E"), state: "queued", wait: 2 * time.Minute, failed: 2},
		{name: "last failure", turn: slipway.Turn{Failed: 2}, end: failed("E"), state: "failed", failed: 3, destination: "nats:dead"},
		{name: "next would be too late", turn: slipway.Turn{ExpiresAt: t0.Add(30 * time.Second)}, end: failed("E"), state: "expired", failed: 1, destination: "nats:dead"},
		{name: "no room", turn: slipway.Turn{Failed: 2}, end: platformError(slipway.Errorf(slipway.ErrLimit, "full")), state: "queued", wait: time.Second, failed: 2, putBack: 1},
		{name: "no room again", turn: slipway.Turn{PutBack: 4}, end: platformError(slipway.Errorf(slipway.ErrUnavailable, "full")), state: "queued", wait: 16 * time.Second, putBack: 5},
		{name: "no room for long", turn: slipway.Turn{PutBack: 400}, end: platformError(slipway.Errorf(slipway.ErrUnavailable, "full")), state: "queued", wait: 5 * time.Minute, putBack: 401},
		{name: "a fault of the platform", end: platformError(errors.New("odd")), state: "queued", wait: time.Second, putBack: 1},
		{name: "not heard of yet", end: platformError(slipway.Errorf(slipway.ErrNotFound, "no")), state: "queued", wait: time.Second, putBack: 1},
		{name: "does not exist", turn: slipway.Turn{PutBack: 5}, end: platformError(slipway.Errorf(slipway.ErrNotFound, "no")), state: "failed", putBack: 5, destination: "nats:dead"},
		{name: "cannot be", end: platformError(slipway.Errorf(slipway.ErrInvalid, "no JSON")), state: "failed", destination: "nats:dead"},
		{name: "cancelled", end: platformError(errCancelled), state: "cancelled"},
		{name: "stopped", turn: slipway.Turn{Failed: 1, PutBack: 1}, end: platformError(errStopping), state: "queued", failed: 1, putBack: 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			turn := test.turn
			turn.ID, turn.Attempt = "id", 4
			if turn.ExpiresAt.IsZero() {
				turn.ExpiresAt = t0.Add(6 * time.Hour)
			}
			end := decide(turn, test.end, s, "me", t0)
			if end.State != test.state || end.Failed != test.failed || end.PutBack != test.putBack || end.Destination != test.destination {
				t.Errorf("%+v", end)
			}
			if test.state == "queued" {
				if wait := end.NextAt.Sub(t0); wait > test.wait || wait < test.wait*3/4-1 {
					t.Errorf("it waits %s, want %s or up to a quarter less", wait, test.wait)
				}
			} else if end.Result == nil || end.Result.State != test.state {
				t.Errorf("result %+v", end.Result)
			}
			if end.ID != "id" || end.Owner != "me" || end.Attempt != 4 || end.Record.Attempt != 4 {
				t.Errorf("%+v", end)
			}
		})
	}
}

func TestKeepAnswer(t *testing.T) {
	for _, test := range []struct{ answer, media, want string }{
		{`{"a": 1}`, "application/json", `{"a": 1}`},
		{`{"a": 1}`, "application/problem+json; charset=utf-8", `{"a": 1}`},
		{`{"a": 1}`, "", `{"a": 1}`},
		{`{"a": `, "application/json", `"{\"a\": "`},
		{`1`, "text/plain", `"1"`},
		{"\xff\x00", "application/json", `"/wA="`},
		{"\"\xff\"", "application/json", `"Iv8i"`},
		{"", "application/json", ``},
	} {
		var o slipway.Outcome
		keepAnswer(&o, []byte(test.answer), test.media)
		if string(o.Result) != test.want || o.Base64 != !utf8.ValidString(test.answer) {
			t.Errorf("%q as %s is kept as %s", test.answer, test.media, o.Result)
		}
	}
}

func TestDiff(t *testing.T) {
	for _, test := range []struct{ a, b, want string }{
		{`{"a":1,"b":[1,2]}`, `{"b":[1,2],"a":1}`, ""},
		{`{"a":1}`, `{"a":1.5,"c":null}`, "r.a: 1, now 1.5\nr.c: missing, now null"},
		{`[1,{"x":"y"}]`, `[1,{"x":"z"},3]`, "r[1].x: \"y\", now \"z\"\nr: 2 elements, now 3"},
		{`{"a":{}}`, `{"a":[]}`, `r.a: {}, now []`},
		{`12345678901234567890`, `12345678901234567891`, `r: 12345678901234567890, now 12345678901234567891`},
		{``, `null`, ""},
		{`null`, `{}`, "r: null, now {}"},
	} {
		var d diff
		d.documents("r", []byte(test.a), []byte(test.b))
		if d.String() != test.want || d.equal() != (test.want == "") {
			t.Errorf("%s and %s: %q", test.a, test.b, d.String())
		}
	}
	var d diff
	for i := range maxDiffLines + 5 {
		d.line("%d", i)
	}
	if len(d.lines) != maxDiffLines || d.more != 5 {
		t.Errorf("%d lines and %d more", len(d.lines), d.more)
	}
}

func TestCheckAddress(t *testing.T) {
	refused := []string{
		"127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "0.1.2.3", "255.255.255.255", "224.0.0.1", "240.0.0.1",
		"::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:db8::1", "fe80::1%eth0",
		"::7f00:1", "::ffff:0:7f00:1", "64:ff9b:1::a00:1", "100::1", "fec0::1", "5f00::1", "3fff::1", "2001:20::1", "192.88.99.1",
	}
	for _, ip := range refused {
		if err := checkAddress(hostPort(ip), nil); !errors.Is(err, slipway.ErrForbidden) {
			t.Errorf("%s: %v", ip, err)
		}
	}
	for _, ip := range []string{"1.1.1.1", "93.184.216.34", "2606:4700::1111"} {
		if err := checkAddress(hostPort(ip), nil); err != nil {
			t.Errorf("%s: %v", ip, err)
		}
	}
}

func hostPort(ip string) string {
	if len(ip) > 0 && (ip[0] == ':' || containsColon(ip)) {
		return fmt.Sprintf("[%s]:443", ip)
	}
	return ip + ":443"
}

func containsColon(s string) bool {
	for _, r := range s {
		if r == ':' {
			return true
		}
	}
	return false
}

// However many destinations a tenant has, others get their turn.
func TestDestinationsAreShared(t *testing.T) {
	d := newDestinations()
	n := 0
	for i := range deliveriesAtOnce {
		for range deliveriesAtOnce {
			if d.enter("greedy", fmt.Sprint("https://example.com/", i)) {
				n++
			}
		}
		if i == 0 && n != perDestination {
			t.Errorf("%d for one destination, want %d", n, perDestination)
		}
	}
	if n != deliveriesAtOnce/2 {
		t.Errorf("one tenant has %d, want %d", n, deliveriesAtOnce/2)
	}
	if !d.enter("modest", "https://example.com/0") {
		t.Error("another has none")
	}
	d.leave("modest", "https://example.com/0")
	for i := range n / perDestination {
		for range perDestination {
			d.leave("greedy", fmt.Sprint("https://example.com/", i))
		}
	}
	if d.all != 0 || len(d.n) != 0 || len(d.tenants) != 0 {
		t.Errorf("all have left, and there are %+v", d)
	}
}

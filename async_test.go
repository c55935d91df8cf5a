package slipway_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
)

func TestAsyncMerge(t *testing.T) {
	first, err := slipway.DefaultConfig().Merge([]byte(`{"async":{"attempts":5,"rules":[{"error":"A","action":"retry","attempts":4,"backoff":"9s"},{"error":"B","action":"fail"}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	second, err := first.Merge([]byte(`{"async":{"rules":[{"error":"C","action":"retry"}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	if want := []slipway.AsyncRule{{Error: "C", Action: slipway.AsyncRetry}}; !reflect.DeepEqual(second.Async.Rules, want) || second.Async.Attempts != 5 {
		t.Errorf("%+v: nothing of the rules before may stay", second.Async)
	}
	if len(first.Async.Rules) != 2 || first.Async.Rules[0].Error != "A" {
		t.Errorf("the first changed: %+v", first.Async.Rules)
	}
	if !first.SameVersion(second) {
		t.Error("async makes another version")
	}
}

func TestAsyncBounds(t *testing.T) {
	for patch, part := range map[string]string{
		`{"attempts":0}`:                                           "async.attempts",
		`{"attempts":11}`:                                          "between 1 and 10",
		`{"backoff":"-1s"}`:                                        "async.backoff",
		`{"max_backoff":"7h"}`:                                     "async.max_backoff",
		`{"max_age":"59s"}`:                                        "async.max_age",
		`{"max_age":"7h"}`:                                         "async.max_age",
		`{"on_success":"elsewhere"}`:                               "async.on_success",
		`{"on_failure":"function:A"}`:                              "async.on_failure",
		`{"rules":[{"action":"fail"}]}`:                            "rules[0].error",
		`{"rules":[{"error":"E","action":"drop"}]}`:                "rules[0].action",
		`{"rules":[{"error":"E","action":"fail","attempts":2}]}`:   "action retry only",
		`{"rules":[{"error":"E","action":"retry","attempts":11}]}`: "rules[0].attempts",
		`{"rules":[{"error":"E","action":"retry","often":1}]}`:     "often",
		`{"rules":[` + strings.Repeat(`{"error":"E","action":"fail"},`, 20) + `{"error":"E","action":"fail"}]}`: "at most 20",
	} {
		if _, err := slipway.DefaultConfig().Merge([]byte(`{"async":` + patch + `}`)); !errors.Is(err, slipway.ErrInvalid) || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: %v, want %q", patch, err, part)
		}
	}
}

func TestAsyncRetry(t *testing.T) {
	a := slipway.DefaultConfig().Async
	a.Attempts, a.MaxBackoff = 10, slipway.Duration(3*time.Minute)
	a.Rules = []slipway.AsyncRule{
		{Error: "Bad.Input", Action: slipway.AsyncFail},
		{Error: "Bad.*", Action: slipway.AsyncRetry, Attempts: 2, Backoff: slipway.Duration(time.Second)},
		{Error: "*", Action: slipway.AsyncRetry},
	}
	for _, test := range []struct {
		kind   string
		failed int
		wait   time.Duration
		again  bool
	}{
		{"Bad.Input", 1, 0, false},
		{"Bad.Luck", 1, time.Second, true},
		{"Bad.Luck", 2, 0, false},
		{"Other", 1, time.Minute, true},
		{"Other", 2, 2 * time.Minute, true},
		{"Other", 3, 3 * time.Minute, true},
		{"Other", 9, 3 * time.Minute, true},
		{"Other", 10, 0, false},
	} {
		wait, again := a.Retry(&slipway.InvocationError{Type: test.kind}, test.failed)
		if wait != test.wait || again != test.again {
			t.Errorf("%s after %d failures: %s, %t; want %s, %t", test.kind, test.failed, wait, again, test.wait, test.again)
		}
	}
}

func TestParseDestination(t *testing.T) {
	for text, want := range map[string]slipway.Destination{
		"function:f":              {Kind: slipway.ToFunction, Function: "f"},
		"function:f:stable":       {Kind: slipway.ToFunction, Function: "f", Qualifier: "stable"},
		"function:f:3":            {Kind: slipway.ToFunction, Function: "f", Qualifier: "3"},
		"queue:high/report":       {Kind: slipway.ToQueue, Queue: "high", Definition: "report"},
		"queue:high/report:2":     {Kind: slipway.ToQueue, Queue: "high", Definition: "report:2"},
		"nats:orders.done":        {Kind: slipway.ToNATS, Subject: "orders.done"},
		"https://example.com/x?y": {Kind: slipway.ToWebhook, URL: "https://example.com/x?y"},
		"http://[::1]:80/":        {Kind: slipway.ToWebhook, URL: "http://[::1]:80/"},
	} {
		if got, err := slipway.ParseDestination(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"", "f", "function:", "function:F", "function:f:", "function:f:a:b", "queue:", "queue:a", "queue:a/", "queue:/b", "queue:a b/c",
		"nats:", "nats:a..b", "nats:a.", "nats:*", "nats:a.>", "nats:a b", "nats:slipway.events", "nats:slipway", "nats:$SYS.x", "nats:_INBOX.x",
		"https://", "https:", "https:x", "http:///x", "https://u:p@example.com/", "ftp://example.com", "https://example.com/" + strings.Repeat("x", 2048), "HTTPS://example.com",
	} {
		if d, err := slipway.ParseDestination(text); !errors.Is(err, slipway.ErrInvalid) {
			t.Errorf("%q: %+v, %v", text, d, err)
		}
	}
}

// FuzzDestination: whatever a configuration says, a destination that is taken is one that
// can be used.
func FuzzDestination(f *testing.F) {
	for _, text := range []string{"function:f:live", "queue:a/b:1", "nats:a.b", "https://example.com/x"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := slipway.ParseDestination(text)
		if err != nil {
			return
		}
		if strings.ContainsRune(text, 0) {
			t.Errorf("%q holds a zero byte", text)
		}
		if strings.HasPrefix(d.Subject, "slipway.") || strings.HasPrefix(d.Subject, "$") || strings.ContainsAny(d.Subject, "*> ") {
			t.Errorf("%q is the subject %q", text, d.Subject)
		}
	})
}

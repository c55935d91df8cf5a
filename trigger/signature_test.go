package trigger

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
)

func hook(body string, header ...string) slipway.HookRequest {
	r := slipway.HookRequest{Method: "POST", Target: "/", Header: slipway.Header{}, Body: []byte(body)}
	for i := 0; i < len(header); i += 2 {
		r.Header[header[i]] = []string{header[i+1]}
	}
	return r
}

// The values are those of GitHub's own documentation.
func TestGitHubsOwnExample(t *testing.T) {
	r := hook("Hello, World!", "X-Hub-Signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17", "X-Github-Delivery", "d-1")
	if id, err := verifyGitHub(r, "It's a Secret to Everybody", time.Now()); err != nil || id != "d-1" {
		t.Errorf("%q, %v", id, err)
	}
}

// The values are those of the specification of Standard Webhooks.
func TestStandardWebhooksOwnExample(t *testing.T) {
	r := hook(`{"test": 2432232314}`, "Webhook-Id", "msg_p5jXN8AQM9LWM0D4loKWxJek", "Webhook-Timestamp", "1614265330",
		"Webhook-Signature", "v1a,xyz v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
	now := time.Unix(1614265330, 0)
	if id, err := verifyStandard(r, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", now.Add(time.Minute)); err != nil || id != "msg_p5jXN8AQM9LWM0D4loKWxJek" {
		t.Errorf("%q, %v", id, err)
	}
	for name, late := range map[string]time.Duration{"old": 6 * time.Minute, "of the future": -6 * time.Minute} {
		if _, err := verifyStandard(r, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", now.Add(late)); !errors.Is(err, slipway.ErrUnauthorized) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestStripe(t *testing.T) {
	const secret, body = "whsec_test_secret", `{"id":"evt_1","object":"event"}`
	now := time.Unix(1_700_000_000, 0)
	good := fmt.Sprintf("%x", sign([]byte(secret), []byte("1700000000."+body)))
	old := fmt.Sprintf("%x", sign([]byte(secret), []byte("1699999600."+body)))
	for header, want := range map[string]bool{
		"t=1700000000,v1=" + good:                                    true,
		"t=1700000000,v1=" + strings.Repeat("0", 64) + ",v1=" + good: true,
		"t=1700000000, v0=x, v1=" + good:                             true,
		"t=1700000001,v1=" + good:                                    false,
		"t=1699999600,v1=" + old:                                     false,
		"v1=" + good:                                                 false,
		"t=1700000000":                                               false,
		"t=1700000000,v1=":                                           false,
		"t=1700000000,v1=zz":                                         false,
		"":                                                           false,
	} {
		id, err := verifyStripe(hook(body, "Stripe-Signature", header), secret, now)
		if ok := err == nil; ok != want || ok && id != "evt_1" || !ok && !errors.Is(err, slipway.ErrUnauthorized) {
			t.Errorf("%s: %q, %v", header, id, err)
		}
	}
}

func TestWrongSignatures(t *testing.T) {
	right := fmt.Sprintf("sha256=%x", sign([]byte("secret-1"), []byte("body")))
	for name, r := range map[string]slipway.HookRequest{
		"none":           hook("body"),
		"other body":     hook("bodY", "X-Hub-Signature-256", right),
		"upper prefix":   hook("body", "X-Hub-Signature-256", strings.ToUpper(right)),
		"cut":            hook("body", "X-Hub-Signature-256", right[:20]),
		"sha1":           hook("body", "X-Hub-Signature-256", strings.Replace(right, "sha256", "sha1", 1)),
		"empty":          hook("body", "X-Hub-Signature-256", "sha256="),
		"with an ending": hook("body", "X-Hub-Signature-256", right+"00"),
	} {
		if _, err := verifyGitHub(r, "secret-1", time.Now()); !errors.Is(err, slipway.ErrUnauthorized) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := verifyGitHub(hook("body", "X-Hub-Signature-256", right), "secret-2", time.Now()); !errors.Is(err, slipway.ErrUnauthorized) {
		t.Errorf("another secret: %v", err)
	}
}

func FuzzSignatures(f *testing.F) {
	f.Add("t=1,v1=00", "sha256=00", "v1,AAAA", `{"id":"x"}`)
	f.Fuzz(func(t *testing.T, stripe, github, standard, body string) {
		r := hook(body, "Stripe-Signature", stripe, "X-Hub-Signature-256", github, "Webhook-Id", "i", "Webhook-Timestamp", "1", "Webhook-Signature", standard)
		for name, verify := range verifiers {
			if _, err := verify(r, "whsec_"+base64.StdEncoding.EncodeToString([]byte("a key nobody has")), time.Unix(1, 0)); name != slipway.SignatureNone && err == nil {
				t.Fatalf("%s took a signature that nobody made", name)
			}
		}
	})
}

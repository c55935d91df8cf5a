package trigger

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-run/slipway"
)

// tolerance is how far the time of a signed request may be from ours: what is older may be
// somebody who repeats what he overheard. It is what Stripe and Standard Webhooks propose.
const tolerance = 5 * time.Minute

// verifier checks the signature of a request and gives the id of the delivery, "" when the
// sender gave none.
type verifier func(r slipway.HookRequest, secret string, now time.Time) (delivery string, err error)

var verifiers = map[string]verifier{
	slipway.SignatureNone:    unsigned,
	slipway.SignatureGitHub:  verifyGitHub,
	slipway.SignatureStripe:  verifyStripe,
	slipway.SignatureSlipway: verifyStandard,
}

// unsigned takes everything. A sender who repeats a delivery can say so.
func unsigned(r slipway.HookRequest, _ string, _ time.Time) (string, error) {
	return cmp.Or(field(r, "Webhook-Id"), field(r, "X-Github-Delivery"), field(r, "Idempotency-Key")), nil
}

// verifyGitHub: https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
// The signature covers neither a time nor the id of the delivery.
func verifyGitHub(r slipway.HookRequest, secret string, _ time.Time) (string, error) {
	text, ok := strings.CutPrefix(field(r, "X-Hub-Signature-256"), "sha256=")
	if !ok {
		return "", unauthorized("the header X-Hub-Signature-256 is missing, or does not begin with sha256=")
	}
	given, err := hex.DecodeString(text)
	if err != nil || !hmac.Equal(given, sign([]byte(secret), r.Body)) {
		return "", errWrongSignature
	}
	return field(r, "X-Github-Delivery"), nil
}

// verifyStripe: https://docs.stripe.com/webhooks#verify-manually
func verifyStripe(r slipway.HookRequest, secret string, now time.Time) (string, error) {
	var moment string
	var given []string
	for part := range strings.SplitSeq(field(r, "Stripe-Signature"), ",") {
		switch name, value, _ := strings.Cut(strings.TrimSpace(part), "="); name {
		case "t":
			moment = value
		case "v1":
			given = append(given, value)
		}
	}
	if moment == "" || len(given) == 0 {
		return "", unauthorized("the header Stripe-Signature is missing, or has no t= or no v1=")
	}
	want := sign([]byte(secret), []byte(moment), []byte("."), r.Body)
	if !anyEqual(given, want, hex.DecodeString) {
		return "", errWrongSignature
	}
	var event struct {
		ID string `json:"id"`
	}
	_ = json.Unmarshal(r.Body, &event) // a body without an id is a delivery without one
	return event.ID, checkTime(moment, now)
}

// verifyStandard: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
func verifyStandard(r slipway.HookRequest, secret string, now time.Time) (string, error) {
	id, moment := field(r, "Webhook-Id"), field(r, "Webhook-Timestamp")
	var given []string
	for part := range strings.FieldsSeq(field(r, "Webhook-Signature")) {
		if value, ok := strings.CutPrefix(part, "v1,"); ok {
			given = append(given, value)
		}
	}
	if id == "" || moment == "" || len(given) == 0 {
		return "", unauthorized("one of the headers webhook-id, webhook-timestamp and webhook-signature is missing, or the signature has no v1")
	}
	key, err := standardKey(secret)
	if err != nil {
		return "", err
	}
	want := sign(key, []byte(id), []byte("."), []byte(moment), []byte("."), r.Body)
	if !anyEqual(given, want, base64.StdEncoding.DecodeString) {
		return "", errWrongSignature
	}
	return id, checkTime(moment, now)
}

// standardKey is the key in a secret: base64 after whsec_, else the secret as it is.
func standardKey(secret string) ([]byte, error) {
	text, encoded := strings.CutPrefix(secret, "whsec_")
	if !encoded {
		return []byte(secret), nil
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) < minSecret {
		return nil, slipway.Errorf(slipway.ErrInvalid, "webhook.secret: what follows whsec_ must be base64 of at least %d bytes", minSecret)
	}
	return key, nil
}

// sign is HMAC-SHA-256 of the parts, one after the other.
func sign(key []byte, parts ...[]byte) []byte {
	mac := hmac.New(sha256.New, key)
	for _, p := range parts {
		mac.Write(p)
	}
	return mac.Sum(nil)
}

// anyEqual compares in constant time: a sender who changes its secret signs with both.
func anyEqual(given []string, want []byte, decode func(string) ([]byte, error)) bool {
	found := false
	for _, text := range given {
		b, err := decode(text)
		found = err == nil && hmac.Equal(b, want) || found
	}
	return found
}

// checkTime is called when the signature is right, so that its words help nobody else.
func checkTime(moment string, now time.Time) error {
	seconds, err := strconv.ParseInt(moment, 10, 64)
	if err != nil {
		return unauthorized("the time of the signature is not a number of seconds")
	}
	if off := now.Sub(time.Unix(seconds, 0)); off > tolerance || off < -tolerance {
		return unauthorized("the signature was made at another time than now (%v is allowed): it may be repeated, or a clock is wrong", tolerance)
	}
	return nil
}

var errWrongSignature = unauthorized("the signature is wrong: sender and trigger have other secrets, or the body was changed on its way")

func unauthorized(format string, args ...any) error {
	return slipway.Errorf(slipway.ErrUnauthorized, "webhook: "+format, args...)
}

// field is the first value of a header field, named in canonical form.
func field(r slipway.HookRequest, name string) string {
	if values := r.Header[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

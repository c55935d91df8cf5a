package async

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/slipway-run/slipway"
)

// toWebhook posts a CloudEvent, signed as https://www.standardwebhooks.com says. Any
// status from 200 to 299 is a success.
func (e *Engine) toWebhook(ctx context.Context, to slipway.Destination, i slipway.Invocation, event slipway.Event) error {
	doc, err := json.Marshal(newCloudEvent(i, newRecord(i, event)))
	if err != nil {
		return err
	}
	key, err := e.WebhookKey(ctx, i.Tenant)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.URL, bytes.NewReader(doc))
	if err != nil {
		return slipway.Errorf(slipway.ErrInvalid, "the webhook's URL: %w", err)
	}
	now := e.cfg.Now()
	req.Header.Set("Content-Type", "application/cloudevents+json; charset=utf-8")
	req.Header.Set("User-Agent", "Slipway-Webhook")
	req.Header.Set("webhook-id", i.ID)
	req.Header.Set("webhook-timestamp", strconv.FormatInt(now.Unix(), 10))
	req.Header.Set("webhook-signature", signatures(key, i.ID, now, doc))
	resp, err := e.web.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // so that the connection can be used again
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("the webhook answered %s", resp.Status)
	}
	return nil
}

const (
	keyPrefix   = "whsec_"
	keyBytes    = 32
	previousFor = 24 * time.Hour // after a change, both keys sign
)

// signatures are those of the key, and for a day after a change of the one before, with a
// space between.
func signatures(key slipway.WebhookKey, id string, at time.Time, body []byte) string {
	all := []string{sign(key.Key, id, at, body)}
	if key.Previous != "" && key.RotatedAt != nil && at.Sub(*key.RotatedAt) < previousFor {
		all = append(all, sign(key.Previous, id, at, body))
	}
	return strings.Join(all, " ")
}

func sign(key, id string, at time.Time, body []byte) string {
	secret, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(key, keyPrefix))
	if err != nil {
		panic("a webhook key that newWebhookKey did not make") // the store holds no others
	}
	mac := hmac.New(sha256.New, secret)
	fmt.Fprintf(mac, "%s.%d.", id, at.Unix())
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func newWebhookKey() string {
	secret := make([]byte, keyBytes)
	rand.Read(secret) // never fails: see crypto/rand
	return keyPrefix + base64.StdEncoding.EncodeToString(secret)
}

// WebhookKey is what signs the webhooks of a tenant. It is made when it is first asked
// for.
func (e *Engine) WebhookKey(ctx context.Context, tenant string) (slipway.WebhookKey, error) {
	return e.parts.Store.WebhookKey(ctx, tenant, newWebhookKey())
}

// RotateWebhookKey gives the tenant a new one. For a day the one before signs, too.
func (e *Engine) RotateWebhookKey(ctx context.Context, tenant string) (slipway.WebhookKey, error) {
	return e.parts.Store.RotateWebhookKey(ctx, tenant, newWebhookKey())
}

// newWebClient calls what users name, and so must not reach what only this machine can:
// its own services, private networks, the cloud's metadata. It looks at the address that
// is dialled, after names were resolved, follows no redirect, and uses no proxy.
func newWebClient(allow []netip.Prefix) *http.Client {
	dialer := &net.Dialer{Timeout: 5 * time.Second, ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
		return checkAddress(address, allow)
	}}
	return &http.Client{
		Transport: &http.Transport{
			DialContext: dialer.DialContext, ForceAttemptHTTP2: true, TLSHandshakeTimeout: 5 * time.Second,
			MaxIdleConns: 100, MaxIdleConnsPerHost: perDestination, MaxConnsPerHost: deliveriesAtOnce, IdleConnTimeout: 30 * time.Second,
			ResponseHeaderTimeout: deliveryTime, MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// notPublic are the ranges, besides those that net/netip knows, that are no public host:
// https://www.iana.org/assignments/iana-ipv4-special-registry and its IPv6 twin. Through
// the last two an IPv6 address reaches an IPv4 one.
var notPublic = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("192.88.99.0/24"),
	netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("3fff::/20"),
	netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("2001::/23"),
}

// publicIPv6 has all public hosts of IPv6. What is outside of it maps IPv4 addresses, or is
// given to nobody: https://www.iana.org/assignments/ipv6-address-space
var publicIPv6 = netip.MustParsePrefix("2000::/3")

// checkAddress refuses what is no public host, unless it is allowed.
func checkAddress(address string, allow []netip.Prefix) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return slipway.Errorf(slipway.ErrInvalid, "the address %q cannot be read: %w", address, err)
	}
	ip := ap.Addr().Unmap().WithZone("")
	for _, prefix := range allow {
		if prefix.Contains(ip) {
			return nil
		}
	}
	public := ip.IsGlobalUnicast() && !ip.IsPrivate() && (ip.Is4() || publicIPv6.Contains(ip))
	for _, prefix := range notPublic {
		public = public && !prefix.Contains(ip)
	}
	if !public {
		return slipway.Errorf(slipway.ErrForbidden, "webhooks may not reach %s, which is no public address; whoever runs the server can allow it with --webhook-allow", ip)
	}
	return nil
}

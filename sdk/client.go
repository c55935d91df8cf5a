package sdk

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/slipway-run/slipway"
)

// Client calls one gateway, or whatever stands in front of several.
type Client struct {
	url  string // without a slash at the end
	key  string
	http *http.Client
}

// Option changes a new client.
type Option func(*Client)

// WithHTTPClient makes the client use h, for example for a certificate of its own. A
// Timeout in it would cut streams short; leave it zero and use contexts.
func WithHTTPClient(h *http.Client) Option { return func(c *Client) { c.http = h } }

// New makes a client for the gateway at url ("http://127.0.0.1:8080"). key may be empty
// where the gateway asks for none.
func New(url, key string, opts ...Option) *Client {
	c := &Client{url: strings.TrimRight(url, "/"), key: key, http: &http.Client{Transport: transport()}}
	for _, opt := range opts {
		opt(c)
	}
	return c
}

// transport waits for a connection no longer than a person would, and for an answer as
// long as the context lets it.
func transport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	return t
}

// URL is where the client calls.
func (c *Client) URL() string { return c.url }

// call is one call of the API.
type call struct {
	method string
	path   string // below the gateway's URL, escaped
	query  url.Values
	header http.Header
	body   io.Reader
	length int64 // of body in bytes; -1 when not known
}

// send makes a call and gives its answer when that is a success; the caller closes the
// body. An answer that is an error is a *slipway.Error.
func (c *Client) send(ctx context.Context, in call) (*http.Response, error) {
	req, err := c.request(ctx, in)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, transportError(ctx, c.url, err)
	}
	if resp.StatusCode >= 400 {
		defer resp.Body.Close()
		return nil, decodeError(resp)
	}
	return resp, nil
}

func (c *Client) request(ctx context.Context, in call) (*http.Request, error) {
	target := c.url + in.path
	if len(in.query) > 0 {
		target += "?" + in.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, in.method, target, in.body)
	if err != nil {
		return nil, slipway.Errorf(slipway.ErrInvalid, "the gateway's URL: %w", err)
	}
	for name, values := range in.header {
		req.Header[name] = values
	}
	if in.body != nil && in.length != 0 {
		req.ContentLength = in.length
	}
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	return req, nil
}

// do makes a call with a JSON document in and one out; both may be nil.
func (c *Client) do(ctx context.Context, method, path string, query url.Values, in, out any) error {
	request := call{method: method, path: path, query: query}
	if in != nil {
		doc, err := json.Marshal(in)
		if err != nil {
			return slipway.Errorf(slipway.ErrInvalid, "write the request: %w", err)
		}
		request.body, request.length = bytes.NewReader(doc), int64(len(doc))
		request.header = http.Header{"Content-Type": {"application/json"}}
	}
	return c.receive(ctx, request, out)
}

// receive makes a call and reads its JSON answer into out, unless that is nil.
func (c *Client) receive(ctx context.Context, in call, out any) error {
	resp, err := c.send(ctx, in)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return fmt.Errorf("read the answer of %s: %w", c.url, err)
	}
	return nil
}

// path joins segments, each escaped.
func path(segments ...string) string {
	var b strings.Builder
	for _, s := range segments {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(s))
	}
	return b.String()
}

func pageQuery(p slipway.Page) url.Values {
	q := url.Values{}
	if p.Limit > 0 {
		q.Set("limit", fmt.Sprint(p.Limit))
	}
	if p.Cursor != "" {
		q.Set("cursor", p.Cursor)
	}
	return q
}

// all reads every part of a list.
func all[T any](list func(slipway.Page) (slipway.List[T], error)) ([]T, error) {
	var items []T
	for page := (slipway.Page{Limit: 1000}); ; {
		part, err := list(page)
		if err != nil {
			return nil, err
		}
		items = append(items, part.Items...)
		if page.Cursor = part.Next; page.Cursor == "" {
			return items, nil
		}
	}
}

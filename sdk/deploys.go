package sdk

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/slipway-run/slipway"
)

// Deploy says how something is deployed. The zero value is fine.
type Deploy struct {
	Runtime slipway.Runtime // of source; "" leaves the function's
	Handler string          // of source; "" leaves the function's
	// Config is a partial configuration in JSON. It becomes the function's own when the
	// deploy succeeds.
	Config json.RawMessage
	Canary *slipway.Canary // the version gets the events by and by, as this says; nil is all at once
	Size   int64           // of the archive in bytes; 0 when not known

	OnUpload func(sent int64)         // called with the bytes that were sent until now; may be nil
	OnEvent  func(slipway.BuildEvent) // called with what happens in the build; may be nil
}

// DeploySource uploads an archive (tar, tar.gz or zip) of a folder of source, follows
// its build, and returns the version that it led to, which is live then unless it is a
// canary or somebody has moved live meanwhile. The function is created when it
// is new. When ctx ends the call ends; a build that has begun goes on.
func (c *Client) DeploySource(ctx context.Context, function string, archive io.Reader, d Deploy) (slipway.Version, error) {
	return c.deploy(ctx, path("v1", "functions", function, "source"), archive, "application/octet-stream", d)
}

// DeployArchive is DeploySource for an image archive: an OCI layout or docker save.
func (c *Client) DeployArchive(ctx context.Context, function string, archive io.Reader, d Deploy) (slipway.Version, error) {
	return c.deploy(ctx, path("v1", "functions", function, "image"), archive, "application/x-tar", d)
}

// DeployImage is DeploySource for an image in a registry, which is named as in docker
// pull.
func (c *Client) DeployImage(ctx context.Context, function, reference string, d Deploy) (slipway.Version, error) {
	doc, err := json.Marshal(map[string]string{"image": reference})
	if err != nil {
		return slipway.Version{}, err
	}
	d.Size = int64(len(doc))
	return c.deploy(ctx, path("v1", "functions", function, "image"), strings.NewReader(string(doc)), "application/json", d)
}

func (c *Client) deploy(ctx context.Context, path string, body io.Reader, kind string, d Deploy) (slipway.Version, error) {
	query := url.Values{"wait": {"true"}}
	if d.Runtime != "" {
		query.Set("runtime", string(d.Runtime))
	}
	if d.Handler != "" {
		query.Set("handler", d.Handler)
	}
	header := http.Header{"Content-Type": {kind}}
	if len(d.Config) > 0 {
		header.Set("X-Slipway-Config", inASCII(d.Config))
	}
	if d.Canary != nil {
		doc, err := json.Marshal(d.Canary)
		if err != nil {
			return slipway.Version{}, err
		}
		header.Set("X-Slipway-Canary", string(doc))
	}
	length := d.Size
	if length <= 0 {
		length = -1
	}
	resp, err := c.send(ctx, call{
		method: http.MethodPost, path: path, query: query, header: header,
		body: &countingReader{r: body, each: d.OnUpload}, length: length,
	})
	if err != nil {
		return slipway.Version{}, err
	}
	defer resp.Body.Close()
	return readVersion(ctx, resp.Body, d.OnEvent)
}

// inASCII writes JSON so that it can stand in a header: in one line, and with escapes
// for what is not ASCII.
func inASCII(doc json.RawMessage) string {
	var b strings.Builder
	for _, r := range string(doc) {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			b.WriteByte(' ') // between tokens; inside of strings JSON has escapes
		case r < 0x80:
			b.WriteRune(r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+(r>>10), 0xdc00+(r&0x3ff))
		}
	}
	return b.String()
}

// countingReader says how much was read.
type countingReader struct {
	r    io.Reader
	n    int64
	each func(int64)
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if c.n += int64(n); n > 0 && c.each != nil {
		c.each(c.n)
	}
	return n, err
}

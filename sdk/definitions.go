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

// PutDefinition registers a revision: the newest active one with patch laid over it, as
// [Client.PutQueue] does. When that is no change, the newest one is the answer. Its image
// is a function of the tenant, or one of a registry, which is pulled first.
func (c *Client) PutDefinition(ctx context.Context, name string, patch any) (slipway.JobDefinition, error) {
	var d slipway.JobDefinition
	err := c.do(ctx, http.MethodPut, path("v1", "job-definitions", name), nil, patch, &d)
	return d, err
}

// Definition is one revision of a job definition: name:revision, or the newest active one.
func (c *Client) Definition(ctx context.Context, name string) (slipway.JobDefinition, error) {
	var d slipway.JobDefinition
	err := c.do(ctx, http.MethodGet, path("v1", "job-definitions", name), nil, nil, &d)
	return d, err
}

// Definitions are the active revisions, by name and newest first; with a name all that it
// has, the inactive ones too.
func (c *Client) Definitions(ctx context.Context, name string) ([]slipway.JobDefinition, error) {
	query := url.Values{}
	if name != "" {
		query.Set("name", name)
	}
	var list slipway.List[slipway.JobDefinition]
	err := c.do(ctx, http.MethodGet, "/v1/job-definitions", query, nil, &list)
	return list.Items, err
}

// DeleteDefinition takes a revision out of use, name:revision, or all of a name. Jobs that
// were submitted still run.
func (c *Client) DeleteDefinition(ctx context.Context, name string) error {
	return c.do(ctx, http.MethodDelete, path("v1", "job-definitions", name), nil, nil, nil)
}

// Register says how a revision is made of an upload. The zero value is fine.
type Register struct {
	Runtime slipway.Runtime // of source; "" is found in it
	Handler string          // of source: the file to run, or the folder of a package main; "" is found
	Patch   any             // as of PutDefinition, for all but the image; nil changes nothing
	Size    int64           // of the archive in bytes; 0 when not known

	OnUpload func(sent int64)         // called with the bytes that were sent until now; may be nil
	OnEvent  func(slipway.BuildEvent) // called with what happens in the build; may be nil
}

// RegisterSource uploads an archive (tar, tar.gz or zip) of the source of a program,
// follows its build, and returns the revision that runs it. When ctx ends the call ends;
// a build that has begun goes on.
func (c *Client) RegisterSource(ctx context.Context, name string, archive io.Reader, r Register) (slipway.JobDefinition, error) {
	return c.register(ctx, path("v1", "job-definitions", name, "source"), archive, "application/octet-stream", r)
}

// RegisterArchive is RegisterSource for an image archive: an OCI layout or docker save.
func (c *Client) RegisterArchive(ctx context.Context, name string, archive io.Reader, r Register) (slipway.JobDefinition, error) {
	return c.register(ctx, path("v1", "job-definitions", name, "image"), archive, "application/x-tar", r)
}

// RegisterImage is RegisterSource for an image in a registry, which is named as in docker
// pull.
func (c *Client) RegisterImage(ctx context.Context, name, reference string, r Register) (slipway.JobDefinition, error) {
	doc, err := json.Marshal(map[string]string{"image": reference})
	if err != nil {
		return slipway.JobDefinition{}, err
	}
	r.Size = int64(len(doc))
	return c.register(ctx, path("v1", "job-definitions", name, "image"), strings.NewReader(string(doc)), "application/json", r)
}

func (c *Client) register(ctx context.Context, path string, body io.Reader, kind string, r Register) (d slipway.JobDefinition, err error) {
	query := url.Values{"wait": {"true"}}
	if r.Runtime != "" {
		query.Set("runtime", string(r.Runtime))
	}
	if r.Handler != "" {
		query.Set("handler", r.Handler)
	}
	header := http.Header{"Content-Type": {kind}}
	if r.Patch != nil {
		doc, err := json.Marshal(r.Patch)
		if err != nil {
			return d, slipway.Errorf(slipway.ErrInvalid, "write the definition: %w", err)
		}
		header.Set("X-Slipway-Definition", inASCII(doc))
	}
	length := r.Size
	if length <= 0 {
		length = -1
	}
	resp, err := c.send(ctx, call{
		method: http.MethodPost, path: path, query: query, header: header,
		body: &countingReader{r: body, each: r.OnUpload}, length: length,
	})
	if err != nil {
		return d, err
	}
	defer resp.Body.Close()
	made, err := readBuild(ctx, resp.Body, r.OnEvent)
	if err != nil {
		return d, err
	}
	if err := json.Unmarshal(made.definition, &d); err != nil {
		return d, fmt.Errorf("read the revision: %w", err)
	}
	return d, nil
}

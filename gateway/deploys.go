package gateway

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/slipway-run/slipway"
)

// configHeader may hold a partial configuration, in JSON. It is laid over the
// function's for this deploy, and becomes the function's own when the deploy succeeds:
// code and configuration that need each other go live together or not at all.
const configHeader = "X-Slipway-Config"

// postSource takes an archive of source, builds it and puts it live.
func (g *Gateway) postSource(c *call) error {
	ref, patches, wait, err := g.deployRequest(c)
	if err != nil {
		return err
	}
	r := c.Request()
	blob, err := g.uploads.take(r.Context(), r.Body, r.ContentLength)
	if err != nil {
		return err
	}
	return g.deploy(c, ref, input{kind: slipway.InputSource, blob: blob, patches: patches}, wait)
}

// imageBody names an image in a registry.
type imageBody struct {
	Image string `json:"image"`
}

// postImage takes an image archive, or the reference of an image in a registry.
func (g *Gateway) postImage(c *call) error {
	ref, patches, wait, err := g.deployRequest(c)
	if err != nil {
		return err
	}
	r := c.Request()
	body := bufio.NewReader(r.Body)
	if isJSON(r, body) {
		reference, err := readReference(body)
		if err != nil {
			return err
		}
		return g.deploy(c, ref, input{kind: slipway.InputReference, reference: reference, patches: patches}, wait)
	}
	blob, err := g.uploads.take(r.Context(), body, r.ContentLength)
	if err != nil {
		return err
	}
	return g.deploy(c, ref, input{kind: slipway.InputArchive, blob: blob, patches: patches}, wait)
}

// isJSON says whether the body is a document rather than an archive: by its type, or
// by its first byte, because curl -d names another type.
func isJSON(r *http.Request, body *bufio.Reader) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err == nil && kind == "application/json" {
		return true
	}
	first, err := body.Peek(1)
	return err == nil && first[0] == '{'
}

func readReference(body io.Reader) (string, error) {
	doc, err := io.ReadAll(io.LimitReader(body, maxDocument))
	if err != nil {
		return "", slipway.Errorf(slipway.ErrInvalid, "read the body: %w", err)
	}
	var image imageBody
	if err := strictJSON(doc, &image); err != nil {
		return "", err
	}
	if image.Image = strings.TrimSpace(image.Image); image.Image == "" {
		return "", slipway.Errorf(slipway.ErrInvalid, `image: a reference is needed, as in {"image":"registry.example.com/app:1"}; or send an image archive as the body`)
	}
	return image.Image, nil
}

// deployRequest reads what a deploy says beside its body, and refuses a configuration
// that cannot be before anything is uploaded.
func (g *Gateway) deployRequest(c *call) (ref slipway.FunctionRef, patches [][]byte, wait bool, err error) {
	if ref, err = c.function(); err != nil {
		return ref, nil, false, err
	}
	if wait, err = c.flag("wait"); err != nil {
		return ref, nil, false, err
	}
	if patches, err = deployPatches(c); err != nil {
		return ref, nil, false, err
	}
	f, err := g.store.Function(c.Request().Context(), ref)
	if errors.Is(err, slipway.ErrNotFound) {
		f.Config, err = slipway.DefaultConfig(), nil
	}
	if err == nil {
		_, err = mergeAll(f.Config, patches)
	}
	return ref, patches, wait, err
}

// deployPatches is the configuration in the header and in ?runtime= and ?handler=.
func deployPatches(c *call) ([][]byte, error) {
	var patches [][]byte
	if doc := c.Request().Header.Get(configHeader); doc != "" {
		patches = append(patches, []byte(doc))
	}
	fields := map[string]string{}
	for _, name := range []string{"runtime", "handler"} {
		if c.QueryParams().Has(name) {
			fields[name] = c.QueryParam(name)
		}
	}
	if len(fields) == 0 {
		return patches, nil
	}
	doc, err := json.Marshal(fields)
	return append(patches, doc), err
}

// deploy begins the build; the answer is the build, or with wait everything that happens
// in it. The function is made when it is new.
func (g *Gateway) deploy(c *call, ref slipway.FunctionRef, in input, wait bool) error {
	ctx := c.Request().Context()
	run, err := g.beginDeploy(ctx, ref, in)
	if err != nil {
		if in.blob != "" {
			g.uploads.release(in.blob)
		}
		return err
	}
	if wait {
		return g.streamBuild(c, run)
	}
	c.Response().Header().Set("Location", "/v1/builds/"+run.build.ID)
	return c.reply(http.StatusAccepted, run.build)
}

func (g *Gateway) beginDeploy(ctx context.Context, ref slipway.FunctionRef, in input) (*buildRun, error) {
	f, _, err := g.ensureFunction(ctx, ref, []byte("{}"))
	if err != nil {
		return nil, err
	}
	return g.publisher.start(ctx, f, in)
}

package gateway

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/slipway-run/slipway"
)

// configHeader may hold a partial configuration, in JSON. It is laid over the
// function's for this deploy, and becomes the function's own when the deploy succeeds:
// code and configuration that need each other go live together or not at all.
const configHeader = "X-Slipway-Config"

// canaryHeader may hold a canary's plan, in JSON; {} is the usual one. The version gets its
// share of the events then, and the rest by and by.
const canaryHeader = "X-Slipway-Canary"

// postSource takes an archive of source, builds it and puts it live.
func (g *Gateway) postSource(c *call) error {
	d, err := g.deployRequest(c)
	if err != nil {
		return err
	}
	r := c.Request()
	if d.in.blob, err = g.uploads.take(r.Context(), r.Body, r.ContentLength); err != nil {
		return err
	}
	d.in.kind = slipway.InputSource
	return g.deploy(c, d)
}

// imageBody names an image in a registry.
type imageBody struct {
	Image string `json:"image"`
}

// postImage takes an image archive, or the reference of an image in a registry.
func (g *Gateway) postImage(c *call) error {
	d, err := g.deployRequest(c)
	if err != nil {
		return err
	}
	r := c.Request()
	body := bufio.NewReader(r.Body)
	if isJSON(r, body) {
		if d.in.reference, err = readReference(body); err != nil {
			return err
		}
		d.in.kind = slipway.InputReference
		return g.deploy(c, d)
	}
	if d.in.blob, err = g.uploads.take(r.Context(), body, r.ContentLength); err != nil {
		return err
	}
	d.in.kind = slipway.InputArchive
	return g.deploy(c, d)
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

// deployment is what a deploy asks for.
type deployment struct {
	function slipway.FunctionRef
	in       input
	wait     bool // the client follows it
}

// deployRequest reads what a deploy says beside its body, and refuses a configuration
// that cannot be before anything is uploaded.
func (g *Gateway) deployRequest(c *call) (d deployment, err error) {
	if d.function, err = c.function(); err != nil {
		return d, err
	}
	if d.wait, err = c.flag("wait"); err != nil {
		return d, err
	}
	if d.in.patches, err = deployPatches(c); err != nil {
		return d, err
	}
	if d.in.canary, err = deployCanary(c); err != nil {
		return d, err
	}
	f, err := g.store.Function(c.Request().Context(), d.function)
	if errors.Is(err, slipway.ErrNotFound) {
		f.Config, err = slipway.DefaultConfig(), nil
	}
	if err != nil {
		return d, err
	}
	merged, err := mergeAll(f.Config, d.in.patches)
	if err != nil {
		return d, err
	}
	return d, cmp.Or(g.checkReserved(d.function, merged), g.checkAsync(c.Request().Context(), d.function, f.Async, merged.Async))
}

// deployCanary is the plan in the header, or nil.
func deployCanary(c *call) (*slipway.Canary, error) {
	doc := c.Request().Header.Get(canaryHeader)
	if doc == "" {
		return nil, nil
	}
	var plan slipway.Canary
	if err := strictJSON([]byte(doc), &plan); err != nil {
		return nil, err
	}
	return plan.Begin(0, time.Time{}), plan.Check()
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
func (g *Gateway) deploy(c *call, d deployment) error {
	ctx := c.Request().Context()
	run, err := g.beginDeploy(ctx, d.function, d.in)
	if err != nil {
		if d.in.blob != "" {
			g.uploads.release(d.in.blob)
		}
		return err
	}
	if d.wait {
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

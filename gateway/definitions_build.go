package gateway

import (
	"bufio"
	"context"
	"net/http"
	"time"

	"github.com/slipway-run/slipway"
)

// definitionHeader may hold a partial job definition, in JSON, for the revision that a
// build makes.
const definitionHeader = "X-Slipway-Definition"

// postDefinitionSource takes an archive of source, builds the program that is in it, and
// registers a revision that runs it.
func (g *Gateway) postDefinitionSource(c *call) error {
	d, in, err := g.definitionRequest(c)
	if err != nil {
		return err
	}
	r := c.Request()
	if in.blob, err = g.uploads.take(r.Context(), r.Body, r.ContentLength); err != nil {
		return err
	}
	in.kind = slipway.InputSource
	return g.buildDefinition(c, d, in)
}

// postDefinitionImage is postDefinitionSource for an image archive, or the reference of an
// image in a registry.
func (g *Gateway) postDefinitionImage(c *call) error {
	d, in, err := g.definitionRequest(c)
	if err != nil {
		return err
	}
	r := c.Request()
	body := bufio.NewReader(r.Body)
	if isJSON(r, body) {
		if in.reference, err = readReference(body); err != nil {
			return err
		}
		in.kind = slipway.InputReference
		return g.buildDefinition(c, d, in)
	}
	if in.blob, err = g.uploads.take(r.Context(), body, r.ContentLength); err != nil {
		return err
	}
	in.kind = slipway.InputArchive
	return g.buildDefinition(c, d, in)
}

// definitionRequest reads what a build of a definition says beside its body, and refuses
// a definition that cannot be before anything is uploaded.
func (g *Gateway) definitionRequest(c *call) (slipway.JobDefinition, input, error) {
	doc := []byte(c.Request().Header.Get(definitionHeader))
	d, _, err := g.drafted(c.Request().Context(), c.tenant, c.Param("name"), doc)
	if err != nil {
		return d, input{}, err
	}
	patches, err := deployPatches(c)
	if err != nil {
		return d, input{}, err
	}
	config, err := mergeAll(slipway.DefaultConfig(), patches)
	if err != nil {
		return d, input{}, err
	}
	checked := d
	checked.Image = d.Name // the build finds it
	return d, input{config: config}, checked.Check()
}

// buildDefinition begins the build; the answer is the build, or with wait everything that
// happens in it, to the new revision.
func (g *Gateway) buildDefinition(c *call, d slipway.JobDefinition, in input) error {
	wait, err := c.flag("wait")
	var run *buildRun
	if err == nil {
		run, err = g.publisher.startDefinition(c.Request().Context(), d, in)
	}
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

// registerReference has an image of a registry pulled, and answers with the revision.
func (g *Gateway) registerReference(c *call, d slipway.JobDefinition) error {
	if err := d.Check(); err != nil {
		return err
	}
	ctx := c.Request().Context()
	in := input{kind: slipway.InputReference, reference: d.Image, config: slipway.DefaultConfig()}
	run, err := g.publisher.startDefinition(ctx, d, in)
	if err != nil {
		return err
	}
	if _, err = run.wait(ctx); err != nil {
		return err
	}
	return c.reply(http.StatusCreated, *run.revision)
}

// startDefinition adds a build for a revision of a job definition and lets it run.
func (p *publisher) startDefinition(ctx context.Context, d slipway.JobDefinition, in input) (*buildRun, error) {
	b := slipway.Build{
		ID: slipway.NewID(), Tenant: d.Tenant, Definition: d.Name,
		State: slipway.BuildRunning, Owner: p.owner, CreatedAt: time.Now().UTC(),
	}
	if err := p.store.AddBuild(ctx, b); err != nil {
		return nil, err
	}
	run := newBuildRun(b, slipway.Version{Tenant: d.Tenant, Function: d.Name, Config: in.config})
	run.revision = &d
	return p.begun(run, in)
}

// register makes the revision of what was built. When it is no different from the newest
// active one, that is the answer.
func (p *publisher) register(ctx context.Context, run *buildRun, result *slipway.BuildResult) error {
	p.comparing.Lock()
	defer p.comparing.Unlock()
	d := run.revision
	d.Image, d.Digest = result.Image, result.Digest
	newest, err := p.store.Definition(ctx, d.Tenant, d.Name, 0)
	if err == nil && sameRevision(newest, *d) {
		run.add(slipway.BuildEvent{At: time.Now().UTC(), Text: "nothing changed: the newest revision is the same"})
		*d = newest
		return nil
	}
	made, err := p.store.AddDefinition(ctx, *d)
	if err == nil {
		*d = made
	}
	return err
}

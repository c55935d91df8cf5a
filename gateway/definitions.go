package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-run/slipway"
)

// JobDefinitions are the revisions of what jobs run. Those of another tenant are not
// found.
type JobDefinitions interface {
	// AddDefinition gives d the next revision of its name.
	AddDefinition(ctx context.Context, d slipway.JobDefinition) (slipway.JobDefinition, error)
	// Definition is one revision; 0 is the newest active one.
	Definition(ctx context.Context, tenant, name string, revision int) (slipway.JobDefinition, error)
	// Definitions are the active revisions by name, newest first; with a name all that it
	// has, the inactive ones too.
	Definitions(ctx context.Context, tenant, name string) ([]slipway.JobDefinition, error)
	// DeactivateDefinition makes a revision take no new jobs; 0 is all of them.
	DeactivateDefinition(ctx context.Context, tenant, name string, revision int) error
}

// putDefinition registers a new revision: the newest active one, or what a definition is
// by default, with the body laid over it. When that is no change, it is the answer.
func (g *Gateway) putDefinition(c *call) error {
	doc, err := c.document()
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	d, old, err := g.drafted(ctx, c.tenant, c.Param("name"), doc)
	if err != nil {
		return err
	}
	if isReference(d.Image) && (old == nil || old.Image != d.Image) {
		return g.registerReference(c, d)
	}
	if err := d.Check(); err != nil {
		return err
	}
	if d.Digest, err = g.imageOf(ctx, d, old); err != nil {
		return err
	}
	if old != nil && sameRevision(*old, d) {
		return c.reply(http.StatusOK, *old)
	}
	if d, err = g.store.AddDefinition(ctx, d); err != nil {
		return err
	}
	return c.reply(http.StatusCreated, d)
}

// drafted is the next revision of a definition as a partial document wants it, and the
// newest active one, which is nil when there is none. Its image is not looked at.
func (g *Gateway) drafted(ctx context.Context, tenant, name string, doc []byte) (slipway.JobDefinition, *slipway.JobDefinition, error) {
	d := slipway.DefaultJobDefinition()
	if err := slipway.CheckJobName("definition", name); err != nil {
		return d, nil, err
	}
	d.Name = name
	newest, err := g.store.Definition(ctx, tenant, name, 0)
	var old *slipway.JobDefinition
	switch {
	case err == nil:
		old, d = &newest, newest
	case !errors.Is(err, slipway.ErrNotFound):
		return d, nil, err
	}
	if len(doc) > 0 {
		if d, err = mergedWith(d, doc); err != nil {
			return d, nil, err
		}
	}
	if err := sameName(d.Name, name); err != nil {
		return d, nil, err
	}
	d.Tenant, d.Revision, d.Active, d.Digest, d.CreatedAt = tenant, 0, true, "", time.Time{}
	return d, old, nil
}

// isReference says whether an image is one of a registry rather than a function: it has a
// slash or a digest, as in docker.io/library/busybox:1.36.
func isReference(image string) bool { return strings.ContainsAny(image, "/@") }

// imageOf is the digest of d's image, which a function has or the revision before.
func (g *Gateway) imageOf(ctx context.Context, d slipway.JobDefinition, old *slipway.JobDefinition) (string, error) {
	if isReference(d.Image) {
		return old.Digest, nil // see putDefinition
	}
	name, qualifier, _ := strings.Cut(d.Image, ":")
	ref := slipway.FunctionRef{Tenant: d.Tenant, Function: name}
	if _, err := g.store.Function(ctx, ref); errors.Is(err, slipway.ErrNotFound) {
		return "", slipway.Errorf(slipway.ErrInvalid, "image: function %q does not exist; an image of a registry is written with its host, as in docker.io/library/%s", name, d.Image)
	} else if err != nil {
		return "", err
	}
	number, err := g.versionOf(ctx, ref, qualifier)
	if err != nil {
		return "", err
	}
	v, err := g.store.Version(ctx, slipway.VersionRef{Tenant: ref.Tenant, Function: name, Version: number})
	if errors.Is(err, slipway.ErrNotFound) {
		return "", slipway.Errorf(slipway.ErrInvalid, "image: version %d of function %q does not exist", number, name)
	}
	if err != nil {
		return "", err
	}
	if v.State != slipway.VersionReady {
		return "", slipway.Errorf(slipway.ErrInvalid, "image: version %d of function %q is %s; a definition needs one that is ready", number, name, v.State)
	}
	return v.Digest, nil
}

// versionOf is the number of the version that a qualifier names: "" is live.
func (g *Gateway) versionOf(ctx context.Context, ref slipway.FunctionRef, qualifier string) (int, error) {
	if n, err := strconv.Atoi(qualifier); err == nil {
		return n, nil
	}
	if qualifier == "" {
		qualifier = slipway.LiveAlias
	}
	a, err := g.store.Alias(ctx, ref, qualifier)
	if errors.Is(err, slipway.ErrNotFound) {
		return 0, slipway.Errorf(slipway.ErrInvalid, "image: function %q has no version %q", ref.Function, qualifier)
	}
	return a.Version, err
}

// sameRevision says whether two revisions run the same.
func sameRevision(a, b slipway.JobDefinition) bool {
	for _, d := range []*slipway.JobDefinition{&a, &b} {
		d.Tenant, d.Revision, d.Active, d.CreatedAt = "", 0, false, time.Time{}
	}
	docA, errA := json.Marshal(a)
	docB, errB := json.Marshal(b)
	var fieldsA, fieldsB map[string]any
	if errA != nil || errB != nil || json.Unmarshal(docA, &fieldsA) != nil || json.Unmarshal(docB, &fieldsB) != nil {
		return false
	}
	return reflect.DeepEqual(withoutEmpty(fieldsA), withoutEmpty(fieldsB))
}

// withoutEmpty leaves out what is null or holds nothing: a store may give back either.
func withoutEmpty(fields map[string]any) map[string]any {
	for name, value := range fields {
		switch v := value.(type) {
		case nil:
			delete(fields, name)
		case []any:
			if len(v) == 0 {
				delete(fields, name)
			}
		case map[string]any:
			if len(withoutEmpty(v)) == 0 {
				delete(fields, name)
			}
		}
	}
	return fields
}

// definition is name and revision in the path: name alone is the newest active one.
func (c *call) definition() (name string, revision int, err error) {
	return slipway.SplitDefinition(c.Param("name"))
}

func (g *Gateway) getDefinition(c *call) error {
	name, revision, err := c.definition()
	if err != nil {
		return err
	}
	d, err := g.store.Definition(c.Request().Context(), c.tenant, name, revision)
	if err != nil {
		return err
	}
	return c.reply(http.StatusOK, d)
}

func (g *Gateway) listDefinitions(c *call) error {
	name := c.QueryParam("name")
	if name != "" {
		if err := slipway.CheckJobName("name", name); err != nil {
			return err
		}
	}
	definitions, err := g.store.Definitions(c.Request().Context(), c.tenant, name)
	if err != nil {
		return err
	}
	return c.reply(http.StatusOK, slipway.List[slipway.JobDefinition]{Items: definitions})
}

// deleteDefinition deactivates: jobs that were submitted still run it.
func (g *Gateway) deleteDefinition(c *call) error {
	name, revision, err := c.definition()
	if err != nil {
		return err
	}
	if err := g.store.DeactivateDefinition(c.Request().Context(), c.tenant, name, revision); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

package gateway

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/slipway-run/slipway"
)

// JobInputs are the archives that were uploaded for /job/input.
type JobInputs interface {
	AddJobInput(ctx context.Context, tenant, digest string, size int64, ours bool) error
	UseJobInput(ctx context.Context, tenant, digest string) error
	DropJobInputs(ctx context.Context, before time.Time) (unneeded []string, err error)
}

// JobOutputs are what forgotten jobs have left.
type JobOutputs interface {
	UnneededOutputs(ctx context.Context) (digests []string, err error)
	ForgetOutputs(ctx context.Context, digests []string) error
}

// An upload that no job needs is deleted when it was not used for inputUnused; that is
// looked at every inputSweep.
const (
	inputUnused = 24 * time.Hour
	inputSweep  = time.Hour
)

// blobBody says what became of an upload.
type blobBody struct {
	Digest string `json:"digest"`
	Size   int64  `json:"size"` // bytes
}

// postBlob keeps an archive for jobs of the tenant, and answers with its digest.
func (g *Gateway) postBlob(c *call) error {
	ctx, r := c.Request().Context(), c.Request()
	up, err := g.uploads.receive(ctx, r.Body, r.ContentLength)
	if err != nil {
		return err
	}
	defer g.uploads.forget(up.digest)
	if err := g.store.AddJobInput(ctx, c.tenant, up.digest, up.size, up.ours); err != nil {
		return err
	}
	return c.reply(http.StatusCreated, blobBody{Digest: up.digest, Size: up.size})
}

// checkInputs refuses submissions that name an archive which their tenant has not uploaded,
// and keeps the others' from being deleted meanwhile.
func (g *Gateway) checkInputs(c *call, requests []slipway.JobRequest, many bool) error {
	known := map[string]bool{}
	for i, r := range requests {
		if r.Input == "" || known[r.Input] {
			continue
		}
		err := g.store.UseJobInput(c.Request().Context(), c.tenant, r.Input)
		if errors.Is(err, slipway.ErrNotFound) {
			err = slipway.Errorf(slipway.ErrInvalid, "input: %w", err)
		}
		if err != nil {
			return ofJob(i, many, err)
		}
		known[r.Input] = true
	}
	return nil
}

// sweepJobFiles deletes uploads that no job needs and outputs of jobs that were forgotten,
// until ctx ends.
func (g *Gateway) sweepJobFiles(ctx context.Context) {
	tick := time.NewTicker(inputSweep)
	defer tick.Stop()
	for {
		g.dropInputs(ctx, time.Now().Add(-inputUnused))
		g.dropOutputs(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (g *Gateway) dropInputs(ctx context.Context, before time.Time) {
	unneeded, err := g.store.DropJobInputs(ctx, before)
	if err != nil && ctx.Err() == nil {
		g.log.Warn("looking for uploads that no job needs", "err", err)
	}
	for _, digest := range unneeded {
		g.uploads.remove(ctx, digest)
	}
}

// dropOutputs deletes what forgotten jobs have left. What a crash interrupts is done again.
func (g *Gateway) dropOutputs(ctx context.Context) {
	for {
		digests, err := g.store.UnneededOutputs(ctx)
		for _, digest := range digests {
			g.uploads.remove(ctx, digest)
		}
		if err == nil && len(digests) > 0 {
			err = g.store.ForgetOutputs(ctx, digests)
		}
		if err != nil && ctx.Err() == nil {
			g.log.Warn("deleting what forgotten jobs have left", "err", err)
		}
		if err != nil || len(digests) == 0 {
			return
		}
	}
}

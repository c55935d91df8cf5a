package batch

import (
	"context"
	"fmt"
	"time"

	"github.com/slipway-run/slipway"
)

const (
	specsKept       = 20_000 // requests of jobs that are kept between loading and sending
	definitionsKept = 2_000
)

// specs is what jobs run: kept for a while, and read again when it is not.
type specs struct {
	store       Store
	requests    map[int64]slipway.JobRequest
	definitions map[string]readDefinition
}

type readDefinition struct {
	slipway.JobDefinition
	at time.Time
}

// definitionFresh is how long a definition is used without being read again. It never
// changes, but a tenant that is deleted and made anew may have another one of its name.
const definitionFresh = time.Second

func newSpecs(store Store) specs {
	return specs{store, map[int64]slipway.JobRequest{}, map[string]readDefinition{}}
}

func (s specs) keep(r slipway.JobRecord) {
	if len(s.requests) < specsKept {
		s.requests[r.Num] = r.Request
	}
}

func (s specs) drop(num int64) { delete(s.requests, num) }

func (s specs) request(ctx context.Context, num int64, tenant, id string) (slipway.JobRequest, error) {
	if r, ok := s.requests[num]; ok {
		return r, nil
	}
	r, err := s.store.JobRecord(ctx, tenant, id)
	if err != nil {
		return slipway.JobRequest{}, fmt.Errorf("give job %s: %w", id, err)
	}
	s.keep(r)
	return r.Request, nil
}

func (s specs) definition(ctx context.Context, tenant, text string) (slipway.JobDefinition, error) {
	key := tenant + "/" + text
	if d, ok := s.definitions[key]; ok && time.Since(d.at) < definitionFresh {
		return d.JobDefinition, nil
	}
	name, revision, err := slipway.SplitDefinition(text)
	if err != nil {
		return slipway.JobDefinition{}, err
	}
	d, err := s.store.Definition(ctx, tenant, name, revision)
	if err != nil {
		return d, err
	}
	if len(s.definitions) >= definitionsKept {
		clear(s.definitions)
	}
	s.definitions[key] = readDefinition{d, time.Now()}
	return d, nil
}

package bus_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/bus"
)

func TestAsk(t *testing.T) {
	eachWay(t, bus.Config{}, func(t *testing.T, caller, handler *bus.Bus) {
		_, err := handler.Answer(bus.SpecSubject, "test", func(_ context.Context, in []byte) (any, error) {
			var ref slipway.VersionRef
			if err := json.Unmarshal(in, &ref); err != nil {
				return nil, err
			}
			if ref.Version == 0 {
				return nil, slipway.Errorf(slipway.ErrNotFound, "version %s does not exist", ref)
			}
			return slipway.Spec{VersionRef: ref, Digest: strings.Repeat("x", 200_000)}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		ref := slipway.VersionRef{Tenant: "t", Function: "f", Version: 2}
		var spec slipway.Spec
		if err := caller.Ask(within(t), bus.SpecSubject, ref, &spec); err != nil {
			t.Fatal(err)
		}
		if spec.VersionRef != ref || len(spec.Digest) != 200_000 {
			t.Errorf("spec = %v", spec.VersionRef)
		}
		if err := caller.Ask(within(t), bus.SpecSubject, ref, nil); err != nil {
			t.Error(err)
		}
		err = caller.Ask(within(t), bus.SpecSubject, slipway.VersionRef{}, &spec)
		if !errors.Is(err, slipway.ErrNotFound) || !strings.Contains(err.Error(), "does not exist") {
			t.Errorf("err = %v, want ErrNotFound", err)
		}
		if err := caller.Ask(within(t), "slipway.nobody", ref, nil); !errors.Is(err, slipway.ErrUnavailable) {
			t.Errorf("err = %v, want ErrUnavailable", err)
		}
		if err := caller.Ask(within(t), bus.SpecSubject, strings.Repeat("x", 9<<20), nil); !errors.Is(err, slipway.ErrTooLarge) {
			t.Errorf("err = %v, want ErrTooLarge", err)
		}
	})
}

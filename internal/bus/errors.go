package bus

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/slipway-run/slipway"
)

// natsError gives an error of NATS its kind; nil stays nil.
func (b *Bus) natsError(act string, err error) error {
	if err == nil {
		return nil
	}
	var known *slipway.Error
	switch {
	case errors.As(err, &known), errors.Is(err, context.Canceled):
		return fmt.Errorf("%s: %w", act, err)
	case errors.Is(err, nats.ErrReconnectBufExceeded), errors.Is(err, nats.ErrDisconnected):
		return slipway.Errorf(slipway.ErrUnavailable, "%s: there is no connection to NATS at %s; it is being made again: %w", act, b.address(), err)
	case errors.Is(err, nats.ErrAuthorization):
		return slipway.Errorf(slipway.ErrUnauthorized, "%s: NATS does not know these credentials; put them into its URL: %w", act, err)
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		return slipway.Errorf(slipway.ErrInvalid, "%s: NATS at %s runs without JetStream; start nats-server with --jetstream: %w", act, b.address(), err)
	default:
		return slipway.Errorf(slipway.ErrUnavailable, "%s: %w", act, err)
	}
}

// tooManyRequests is JetStream's answer when it cannot store as fast as it is sent.
const tooManyRequests = 429

// permanent says whether trying again cannot help.
func permanent(err error) bool {
	var api *jetstream.APIError
	return errors.Is(err, nats.ErrAuthorization) || errors.Is(err, jetstream.ErrJetStreamNotEnabled) ||
		errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount) ||
		errors.As(err, &api) && api.Code >= 400 && api.Code < 500 && api.Code != tooManyRequests
}

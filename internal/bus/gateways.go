package bus

import "github.com/slipway-run/slipway"

// PublishGateway tells the other gateways what this one counts. Like every notice it may
// be lost: publish again.
func (b *Bus) PublishGateway(s slipway.GatewayState) error {
	return b.tell(gatewaysSubject+s.ID, s)
}

// WatchGateways calls f, one call at a time, with what gateways publish from now on; the
// caller's own too.
func (b *Bus) WatchGateways(f func(slipway.GatewayState)) (stop func(), err error) {
	return watch(b, gatewaysSubject+"*", f)
}

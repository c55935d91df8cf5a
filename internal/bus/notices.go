package bus

import (
	"encoding/json"
	"fmt"

	"github.com/nats-io/nats.go"

	"github.com/slipway-run/slipway"
)

// PublishInvoker tells everyone what an invoker has and does. Who watches gets it soon,
// or, when the connection is lost meanwhile, never: publish again.
func (b *Bus) PublishInvoker(s slipway.InvokerState) error {
	return b.tell(invokersSubject+s.ID, s)
}

// WatchInvokers calls f, one call at a time, with what invokers publish from now on.
func (b *Bus) WatchInvokers(f func(slipway.InvokerState)) (stop func(), err error) {
	return watch(b, invokersSubject+"*", f)
}

// PublishChange tells everyone that something about a function has changed.
func (b *Bus) PublishChange(ref slipway.FunctionRef) error { return b.tell(changesSubject, ref) }

// WatchChanges calls f, one call at a time, with the functions that change from now on.
// Notices that are published while the connection is lost do not arrive: look at
// everything now and then.
func (b *Bus) WatchChanges(f func(slipway.FunctionRef)) (stop func(), err error) {
	return watch(b, changesSubject, f)
}

func (b *Bus) tell(subject string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("publish %s: %w", subject, err)
	}
	if err := b.publish(subject, "", data); err != nil {
		return fmt.Errorf("publish %s: %w", subject, err)
	}
	return nil
}

// watch returns when the server knows of the watch. After stop no call of f begins.
func watch[T any](b *Bus, subject string, f func(T)) (stop func(), err error) {
	sub, err := b.calls.Subscribe(subject, func(msg *nats.Msg) {
		var v T
		if err := json.Unmarshal(msg.Data, &v); err != nil {
			b.log.Warn("a notice cannot be read", "subject", msg.Subject, "err", err)
			return
		}
		f(v)
	})
	if err != nil {
		return nil, b.natsError("watch "+subject, err)
	}
	stop = func() { _ = sub.Unsubscribe() } // fails only when it is over anyway
	if err := b.flush(); err != nil {
		stop()
		return nil, b.natsError("watch "+subject, err)
	}
	return stop, nil
}

// PublishTrigger tells everyone that a trigger has changed.
func (b *Bus) PublishTrigger(ref slipway.TriggerRef) error { return b.tell(triggersSubject, ref) }

// WatchTriggers calls f, one call at a time, with the triggers that change from now on. As
// with WatchChanges, look at everything now and then.
func (b *Bus) WatchTriggers(f func(slipway.TriggerRef)) (stop func(), err error) {
	return watch(b, triggersSubject, f)
}

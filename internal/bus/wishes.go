package bus

import "github.com/slipway-run/slipway"

// PublishWishes tells an invoker what to keep ready.
func (b *Bus) PublishWishes(w slipway.WishList) error {
	return b.tell(wishesSubject+w.Invoker, w)
}

// WatchWishes calls f, one call at a time, with what is wanted of an invoker from now on.
func (b *Bus) WatchWishes(invoker string, f func(slipway.WishList)) (stop func(), err error) {
	return watch(b, wishesSubject+invoker, f)
}

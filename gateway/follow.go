package gateway

import "context"

// follow streams what source gives, each item as one event, until source ends or the
// client goes. An error of the source is the last event.
func follow[T any](c *call, g *Gateway, event string, source func(ctx context.Context, give func(T) error) error) error {
	ctx, cancel := context.WithCancel(c.Request().Context())
	defer cancel()
	defer context.AfterFunc(g.following, cancel)()
	s := startEvents(c.Response())
	items := make(chan T)
	ended := make(chan error, 1)
	go func() {
		ended <- source(ctx, func(item T) error {
			select {
			case items <- item:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	for {
		err := s.quietly(ctx, func(quiet context.Context) error {
			select {
			case item := <-items:
				return s.send(event, item)
			case err := <-ended:
				return endOfSource{err}
			case <-quiet.Done():
				return quiet.Err()
			}
		})
		if end, ok := err.(endOfSource); ok && end.error != nil && ctx.Err() == nil {
			s.send("error", describe(end.error, c.id))
		}
		if err != nil {
			return nil
		}
	}
}

// endOfSource says that the source ended, and not the client.
type endOfSource struct{ error }

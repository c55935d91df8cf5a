package store

import (
	"encoding/base64"

	"github.com/slipway-run/slipway"
)

const (
	defaultLimit = 100
	maxLimit     = 1000
)

// pageLimit is how many items p asks for.
func pageLimit(limit int) (int, error) {
	switch {
	case limit == 0:
		return defaultLimit, nil
	case limit < 1 || limit > maxLimit:
		return 0, slipway.Errorf(slipway.ErrInvalid, "limit: %d is not allowed; it must be between 1 and %d", limit, maxLimit)
	}
	return limit, nil
}

// A cursor is the key of the last item of the part before, so that a list stays right
// while others add and delete; encoded, so that nobody takes it for more.
func encodeCursor(key string) string { return base64.RawURLEncoding.EncodeToString([]byte(key)) }

func decodeCursor(cursor string) (key string, err error) {
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return "", badCursor(cursor)
	}
	return string(b), nil
}

func badCursor(cursor string) error {
	return slipway.Errorf(slipway.ErrInvalid, "cursor: %q is not one; send back what the part before gave as next", cursor)
}

// cut makes one part of a list from items, of which one more than limit was read to
// see whether there are more.
func cut[T any](items []T, limit int, key func(T) string) slipway.List[T] {
	if len(items) <= limit {
		return slipway.List[T]{Items: items}
	}
	items = items[:limit]
	return slipway.List[T]{Items: items, Next: encodeCursor(key(items[limit-1]))}
}

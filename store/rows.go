package store

import (
	"database/sql/driver"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-run/slipway"
)

// placeholder is the parameter with a number, from 1.
func placeholder(n int) string { return "$" + strconv.Itoa(n) }

// inList is n parameters from the one with the number first: ($3, $4).
func inList(first, n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = placeholder(first + i)
	}
	return "(" + strings.Join(all, ", ") + ")"
}

// momentKey is the key of a list that is ordered by a time and a name.
func momentKey(at time.Time, name string) string {
	return strconv.FormatInt(at.UnixMicro(), 10) + " " + name
}

// decodeMoment reads a cursor that was made of a momentKey.
func decodeMoment(cursor string) (time.Time, string, error) {
	key, err := decodeCursor(cursor)
	if err != nil {
		return time.Time{}, "", err
	}
	micros, name, ok := strings.Cut(key, " ")
	n, err := strconv.ParseInt(micros, 10, 64)
	if !ok || err != nil {
		return time.Time{}, "", badCursor(cursor)
	}
	return time.UnixMicro(n).UTC(), name, nil
}

// maybeError is a column of JSON that is NULL for nil.
type maybeError struct{ e **slipway.InvocationError }

// Value implements driver.Valuer.
func (d maybeError) Value() (driver.Value, error) {
	if *d.e == nil {
		return nil, nil
	}
	e := **d.e
	e.Type, e.Message = printable(e.Type), printable(e.Message)
	return document{e}.Value()
}

// Scan implements sql.Scanner.
func (d maybeError) Scan(src any) error {
	*d.e = nil
	if src == nil {
		return nil
	}
	*d.e = new(slipway.InvocationError)
	return document{*d.e}.Scan(src)
}

// maybeHTTP is a column of JSON that is NULL for nil.
type maybeHTTP struct{ h **slipway.EventHTTP }

// Value implements driver.Valuer.
func (d maybeHTTP) Value() (driver.Value, error) {
	if *d.h == nil {
		return nil, nil
	}
	return document{*d.h}.Value()
}

// Scan implements sql.Scanner.
func (d maybeHTTP) Scan(src any) error {
	*d.h = nil
	if src == nil {
		return nil
	}
	*d.h = new(slipway.EventHTTP)
	return document{*d.h}.Scan(src)
}

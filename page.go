package slipway

// Page asks for a part of a list. Cursor is what the part before gave as next; ""
// is the start. Limit is 1 to 1000; 0 is 100.
type Page struct {
	Limit  int
	Cursor string
}

// List is one part of a list as REST shows it; Next is "" on the last.
type List[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next"`
}

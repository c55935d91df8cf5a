package invoker

import (
	"net/http"
	"strings"

	"github.com/slipway-run/slipway"
)

// trailerNames are the fields that the head of a request announces for its trailer
// (RFC 9110, section 6.6.2), without those that no trailer may have.
func trailerNames(req *slipway.Request) []string {
	if req.Trailer == nil {
		return nil
	}
	var names []string
	for _, value := range req.Header["Trailer"] {
		for token := range strings.SplitSeq(value, ",") {
			if name := http.CanonicalHeaderKey(strings.TrimSpace(token)); trailing(name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// trailing says whether a field may stand in a trailer: not those that frame, route or
// authenticate a message, or say how its body is to be read (RFC 9110, section 6.5.1).
func trailing(name string) bool {
	switch name {
	case "", "Authorization", "Cache-Control", "Content-Encoding", "Content-Range", "Content-Type",
		"Cookie", "Max-Forwards", "Range", "Set-Cookie", "X-Request-Id":
		return false
	}
	return !ownField(name) && sendable(name, "")
}

// onlyTrailing takes out of a trailer what must not be in one, and what was announced
// and did not come.
func onlyTrailing(trailer slipway.Header) slipway.Header {
	var kept slipway.Header
	for name, values := range trailer {
		if len(values) == 0 || !trailing(name) {
			continue
		}
		if kept == nil {
			kept = make(slipway.Header, len(trailer))
		}
		kept[name] = values
	}
	return kept
}

// announce puts the names of a trailer that comes after an answer into its head.
func announce(head, trailer slipway.Header) {
	var names []string
	for name := range trailer {
		if trailing(name) {
			names = append(names, name)
		}
	}
	if names != nil {
		head["Trailer"] = []string{strings.Join(names, ", ")}
	}
}

package slipway

import (
	"net/url"
	"strings"
)

// DestinationKind is what takes the record of an outcome.
type DestinationKind string

// The kinds of destination.
const (
	ToFunction DestinationKind = "function" // function:<name>[:<alias or version>]
	ToQueue    DestinationKind = "queue"    // queue:<queue>/<definition>[:<revision>]
	ToNATS     DestinationKind = "nats"     // nats:<subject>
	ToWebhook  DestinationKind = "webhook"  // https://… or http://…
)

// Destination is where the record of an outcome goes. The fields of its kind are set.
type Destination struct {
	Kind       DestinationKind
	Function   string
	Qualifier  string // "" is live
	Queue      string
	Definition string // name, or name:revision
	Subject    string
	URL        string
}

// maxDestination is the most bytes of a destination's text.
const maxDestination = 2048

// ParseDestination reads a destination as async.on_success and async.on_failure have it:
//
//	function:<name>[:<alias or version>]   another function of the tenant gets it as an event
//	queue:<queue>/<definition>             a job gets it in its environment
//	nats:<subject>                         a message
//	https://… or http://…                  a signed POST of a CloudEvent
//
// The error is ErrInvalid.
func ParseDestination(text string) (Destination, error) {
	if len(text) > maxDestination {
		return Destination{}, Errorf(ErrInvalid, "a destination of %d bytes; at most %d are allowed", len(text), maxDestination)
	}
	kind, rest, _ := strings.Cut(text, ":")
	switch kind {
	case "function":
		return functionDestination(rest)
	case "queue":
		return queueDestination(rest)
	case "nats":
		return Destination{Kind: ToNATS, Subject: rest}, checkSubject(rest)
	case "http", "https":
		return webhookDestination(text)
	}
	return Destination{}, Errorf(ErrInvalid, "%q is no destination; write function:<name>, queue:<queue>/<definition>, nats:<subject> or https://…", text)
}

func checkDestination(field, text string) error {
	if text == "" {
		return nil
	}
	if _, err := ParseDestination(text); err != nil {
		return Errorf(ErrInvalid, "%s: %w", field, err)
	}
	return nil
}

func functionDestination(rest string) (Destination, error) {
	name, qualifier, qualified := strings.Cut(rest, ":")
	if err := CheckName("function", name); err != nil {
		return Destination{}, err
	}
	if qualified {
		if err := CheckName("alias", qualifier); err != nil {
			return Destination{}, err
		}
	}
	return Destination{Kind: ToFunction, Function: name, Qualifier: qualifier}, nil
}

func queueDestination(rest string) (Destination, error) {
	queue, definition, ok := strings.Cut(rest, "/")
	if !ok || queue == "" || definition == "" || strings.ContainsAny(rest, " \x00") {
		return Destination{}, Errorf(ErrInvalid, "queue:%s: write queue:<queue>/<definition>", rest)
	}
	return Destination{Kind: ToQueue, Queue: queue, Definition: definition}, nil
}

// checkSubject refuses what is no subject of one message
// (https://docs.nats.io/nats-concepts/subjects), and those of NATS and of Slipway itself.
func checkSubject(subject string) error {
	for token := range strings.SplitSeq(subject, ".") {
		if token == "" || strings.ContainsAny(token, "*> \t\r\n\x00") {
			return Errorf(ErrInvalid, "nats:%s: a subject is words with dots between, without spaces, * and >", subject)
		}
	}
	first, _, _ := strings.Cut(subject, ".")
	if first == "slipway" || strings.HasPrefix(first, "$") || strings.HasPrefix(first, "_") {
		return Errorf(ErrInvalid, "nats:%s: subjects below slipway., and those that begin with $ or _, belong to the platform", subject)
	}
	return nil
}

func webhookDestination(text string) (Destination, error) {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.Opaque != "" {
		return Destination{}, Errorf(ErrInvalid, "%q is no URL of a webhook, as in https://example.com/hook", text)
	}
	if u.User != nil {
		return Destination{}, Errorf(ErrInvalid, "a webhook's URL cannot hold a password; deliveries are signed, see the documentation")
	}
	return Destination{Kind: ToWebhook, URL: text}, checkNoNUL("destination", text)
}

// CheckOwner refuses a destination that is not the tenant's: its messages go to subjects
// below its own name, unless it is the default one, whose admins look after all. The error
// is ErrInvalid.
func (d Destination) CheckOwner(tenant string) error {
	if d.Kind != ToNATS || tenant == DefaultTenant || strings.HasPrefix(d.Subject, tenant+".") {
		return nil
	}
	return Errorf(ErrInvalid, "nats:%s: the subjects of tenant %q begin with %[2]s. (the tenant %q has all)", d.Subject, tenant, DefaultTenant)
}

package slipway

import "time"

// BuildState is where a build is in its life.
type BuildState string

// The states of a build.
const (
	BuildRunning   BuildState = "running"
	BuildSucceeded BuildState = "succeeded"
	BuildFailed    BuildState = "failed"
)

// Build is the making of one version: packing, then checking that an instance of it
// comes up. Or of one revision of a job definition, whose program runs only in a job.
type Build struct {
	ID         string     `json:"id"`
	Tenant     string     `json:"tenant"`
	Function   string     `json:"function"`             // "" when it is for a job definition
	Definition string     `json:"definition,omitempty"` // name of a job definition; "" when it is for a function
	Version    int        `json:"version"`              // of a job definition the revision, 0 until it is made
	State      BuildState `json:"state"`
	Reason     string     `json:"reason"` // why it failed; "" otherwise
	Owner      string     `json:"-"`      // the gateway that waits for it
	CreatedAt  time.Time  `json:"created_at"`
	FinishedAt *time.Time `json:"finished_at"`
}

// BuildInput says what a build starts from. Exactly one kind.
type BuildInput string

// The kinds of input: an archive of source, an image archive (OCI layout or docker
// save), a reference to an image in a registry, or the image of an earlier version
// that gets another configuration.
const (
	InputSource    BuildInput = "source"
	InputArchive   BuildInput = "archive"
	InputReference BuildInput = "reference"
	InputDigest    BuildInput = "digest"
)

// BuildRequest goes from a gateway to an invoker, which answers with a stream of
// BuildEvents. The invoker packs and then checks: it starts an instance and waits
// until it is ready to take events. What jobs run is not checked: it may need arguments.
type BuildRequest struct {
	ID        string     `json:"id"`
	Version   VersionRef `json:"version"`
	Input     BuildInput `json:"input"`
	Blob      string     `json:"blob,omitempty"`      // source, archive: digest of the upload in the blob store
	Reference string     `json:"reference,omitempty"` // reference: as in docker pull
	Digest    string     `json:"digest,omitempty"`    // digest: the image manifest
	Config    Config     `json:"config"`
	Program   bool       `json:"program,omitempty"` // for jobs: the image starts the program itself, with arguments behind it, and no instance is started to check it
}

// BuildEvent is one thing that happens in a build; a stream of them ends with one
// that has a Result or an Error.
type BuildEvent struct {
	At     time.Time    `json:"at"`
	Step   string       `json:"step,omitempty"`  // a step begins: upload, unpack, base, dependencies, compile, layer, publish, check
	Text   string       `json:"text,omitempty"`  // a line of the log
	Done   int64        `json:"done,omitempty"`  // progress of the step, in its own unit
	Total  int64        `json:"total,omitempty"` // 0 when not known
	Result *BuildResult `json:"result,omitempty"`
	Error  string       `json:"error,omitempty"` // complete and for a person; the last event of a failed build
	Code   string       `json:"code,omitempty"`  // public code of Error: invalid for the user's fault, else internal, unavailable, …
}

// BuildResult is what an invoker found out about a version.
type BuildResult struct {
	Image    string   `json:"image"`
	Digest   string   `json:"digest"`
	Runtime  Runtime  `json:"runtime"`
	Protocol Protocol `json:"protocol"`
	Handler  string   `json:"handler,omitempty"` // as found, when the configuration named none
}

package gateway

import (
	"context"
	"io"

	"github.com/slipway-run/slipway"
)

// Store is everything durable, as the gateway uses it. Its errors carry root kinds.
type Store interface {
	FunctionReader
	FunctionWriter
	VersionReader
	VersionWriter
	Aliases
	Builds
	BuildLog
	Keys
	Tenants
	Routes
	Queues
	Environments
	JobDefinitions
	Jobs
	JobInputs
	JobOutputs
}

// FunctionReader finds functions.
type FunctionReader interface {
	Function(ctx context.Context, ref slipway.FunctionRef) (slipway.Function, error)
	Functions(ctx context.Context, tenant string, page slipway.Page) (slipway.List[slipway.Function], error)
}

// FunctionWriter changes functions.
type FunctionWriter interface {
	CreateFunction(ctx context.Context, f slipway.Function) error
	UpdateFunction(ctx context.Context, ref slipway.FunctionRef, change func(*slipway.Function) error) (slipway.Function, error)
	DeleteFunction(ctx context.Context, ref slipway.FunctionRef) error
}

// VersionReader finds versions; lists are newest first.
type VersionReader interface {
	Version(ctx context.Context, ref slipway.VersionRef) (slipway.Version, error)
	Versions(ctx context.Context, ref slipway.FunctionRef, page slipway.Page) (slipway.List[slipway.Version], error)
}

// VersionWriter takes a version from building to its final state.
type VersionWriter interface {
	AddVersion(ctx context.Context, v slipway.Version) (slipway.Version, error)
	FinishVersion(ctx context.Context, v slipway.Version, alias string, canary *slipway.Canary) (moved bool, err error)
	DropVersion(ctx context.Context, ref slipway.VersionRef) error
}

// Aliases are the names of versions.
type Aliases interface {
	PutAlias(ctx context.Context, a slipway.Alias) (slipway.Alias, error)
	StepAlias(ctx context.Context, old, next slipway.Alias, mark *slipway.Mark) (slipway.Alias, error)
	Alias(ctx context.Context, ref slipway.FunctionRef, name string) (slipway.Alias, error)
	Aliases(ctx context.Context, ref slipway.FunctionRef) ([]slipway.Alias, error)
	DeleteAlias(ctx context.Context, ref slipway.FunctionRef, name string) error
}

// Builds are the makings of versions.
type Builds interface {
	AddBuild(ctx context.Context, b slipway.Build) error
	Build(ctx context.Context, tenant, id string) (slipway.Build, error)
	FinishBuild(ctx context.Context, id string, state slipway.BuildState, reason string, version int) error
	FailBuilds(ctx context.Context, owner, reason string) (int, error)
}

// BuildLog is what builds said.
type BuildLog interface {
	AppendBuildEvents(ctx context.Context, id string, events []slipway.BuildEvent) error
	BuildEvents(ctx context.Context, id string, after int64, limit int) (events []slipway.BuildEvent, last int64, err error)
}

// Keys are the API keys.
type Keys interface {
	AddKey(ctx context.Context, k slipway.Key) error
	KeyByHash(ctx context.Context, hash [32]byte) (slipway.Key, error)
	Keys(ctx context.Context, tenant string) ([]slipway.Key, error)
	DeleteKey(ctx context.Context, tenant, id string) error
}

// Tenants own functions and keys.
type Tenants interface {
	PutTenant(ctx context.Context, t slipway.Tenant) (stored slipway.Tenant, created bool, err error)
	Tenant(ctx context.Context, name string) (slipway.Tenant, error)
	Tenants(ctx context.Context) ([]slipway.Tenant, error)
	DeleteTenant(ctx context.Context, name string) error
}

// Routes is what the event path needs, and whether the store answers.
type Routes interface {
	Routes(ctx context.Context, ref *slipway.FunctionRef) ([]slipway.Route, error)
	Ping(ctx context.Context) error
}

// Blobs takes uploads and has what jobs left, by the digest of their content ("sha256:…").
type Blobs interface {
	Has(ctx context.Context, digest string) (bool, error)
	Open(ctx context.Context, digest string) (body io.ReadCloser, size int64, err error)
	Put(ctx context.Context, digest string, size int64, r io.Reader) error
	Delete(ctx context.Context, digest string) error
}

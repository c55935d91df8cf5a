-- +goose Up

-- One row for each asynchronous event. It is small, because it changes often: what is
-- large is in the tables below it.
CREATE TABLE invocations (
    id          text COLLATE "C" NOT NULL PRIMARY KEY,
    tenant      text COLLATE "C" NOT NULL,
    function    text COLLATE "C" NOT NULL, -- no foreign key: the record outlives the function
    qualifier   text NOT NULL,
    source      text NOT NULL,
    state       text NOT NULL CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'expired', 'cancelled')),
    version     integer NOT NULL DEFAULT 0, -- that ran it last; 0 is none
    attempts    integer NOT NULL DEFAULT 0, -- that were begun
    failed      integer NOT NULL DEFAULT 0, -- of these: that ended with an error of the function
    put_back    integer NOT NULL DEFAULT 0, -- times in a row that the platform could not run it
    size        bigint NOT NULL,
    blob        text NOT NULL, -- digest of the payload; '' when it is in invocation_events
    accepted_at timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    next_at     timestamptz CHECK ((next_at IS NOT NULL) = (state = 'queued')),
    started_at  timestamptz CHECK ((started_at IS NOT NULL) = (state = 'running')),
    ended_at    timestamptz CHECK ((ended_at IS NOT NULL) = (state IN ('succeeded', 'failed', 'expired', 'cancelled'))),
    owner       text NOT NULL DEFAULT '' CHECK ((owner <> '') = (state = 'running')), -- engine
    cancelling  boolean NOT NULL DEFAULT false,
    error       json,
    redriven    text NOT NULL DEFAULT ''
);

CREATE INDEX invocations_due ON invocations (tenant, function, next_at) WHERE state = 'queued';
CREATE INDEX invocations_expiring ON invocations (expires_at) WHERE state = 'queued';
CREATE INDEX invocations_running ON invocations (owner) WHERE state = 'running';
CREATE INDEX invocations_ended ON invocations (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX invocations_of_tenant ON invocations (tenant, accepted_at, id);
CREATE INDEX invocations_of_function ON invocations (tenant, function, accepted_at, id);
CREATE INDEX invocations_dead ON invocations (tenant, function, accepted_at, id) WHERE state IN ('failed', 'expired');
CREATE INDEX invocations_blobs ON invocations (blob) WHERE blob <> '';

CREATE TABLE invocation_events (
    id           text COLLATE "C" NOT NULL PRIMARY KEY REFERENCES invocations ON DELETE CASCADE,
    content_type text NOT NULL,
    header       json NOT NULL,
    http         json, -- NULL when it did not come as an HTTP request
    payload      bytea NOT NULL
);

CREATE TABLE invocation_results (
    id      text COLLATE "C" NOT NULL PRIMARY KEY REFERENCES invocations ON DELETE CASCADE,
    outcome json NOT NULL
);

CREATE TABLE invocation_attempts (
    invocation text COLLATE "C" NOT NULL REFERENCES invocations ON DELETE CASCADE,
    attempt    integer NOT NULL,
    version    integer NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at   timestamptz NOT NULL,
    error      json,
    instance   text NOT NULL,
    cpu        double precision NOT NULL, -- seconds
    PRIMARY KEY (invocation, attempt)
);

-- Outcomes on their way to a destination, written together with the outcome.
CREATE TABLE deliveries (
    invocation  text COLLATE "C" NOT NULL REFERENCES invocations ON DELETE CASCADE,
    destination text NOT NULL,
    state       text NOT NULL CHECK (state IN ('waiting', 'delivered', 'given-up')),
    attempts    integer NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL,
    next_at     timestamptz CHECK ((next_at IS NOT NULL) = (state = 'waiting')), -- while one is tried: when another engine may
    ended_at    timestamptz,
    last_error  text NOT NULL DEFAULT '',
    PRIMARY KEY (invocation, destination)
);

CREATE INDEX deliveries_due ON deliveries (next_at) WHERE state = 'waiting';

-- The processes that run events. One whose beat no longer grows is gone.
CREATE TABLE engines (
    id   text NOT NULL PRIMARY KEY,
    node text NOT NULL,
    beat bigint NOT NULL
);

-- Payloads that are kept as blobs, noted before they are: what no invocation names after
-- an hour is removed.
CREATE TABLE event_blobs (
    digest     text NOT NULL PRIMARY KEY,
    created_at timestamptz NOT NULL
);

-- What signs a tenant's webhooks. It is needed as it is, so it is kept as it is.
CREATE TABLE webhook_keys (
    tenant     text COLLATE "C" NOT NULL PRIMARY KEY REFERENCES tenants ON DELETE CASCADE,
    key        text NOT NULL,
    previous   text NOT NULL DEFAULT '',
    rotated_at timestamptz
);

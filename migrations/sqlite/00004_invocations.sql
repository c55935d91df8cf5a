-- +goose Up

-- One row for each asynchronous event. It is small, because it changes often: what is
-- large is in the tables below it.
CREATE TABLE invocations (
    id          text NOT NULL PRIMARY KEY,
    tenant      text NOT NULL,
    function    text NOT NULL, -- no foreign key: the record outlives the function
    qualifier   text NOT NULL,
    source      text NOT NULL,
    state       text NOT NULL CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'expired', 'cancelled')),
    version     integer NOT NULL DEFAULT 0, -- that ran it last; 0 is none
    attempts    integer NOT NULL DEFAULT 0, -- that were begun
    failed      integer NOT NULL DEFAULT 0, -- of these: that ended with an error of the function
    put_back    integer NOT NULL DEFAULT 0, -- times in a row that the platform could not run it
    size        integer NOT NULL,
    blob        text NOT NULL, -- digest of the payload; '' when it is in invocation_events
    accepted_at timestamp NOT NULL,
    expires_at  timestamp NOT NULL,
    next_at     timestamp CHECK ((next_at IS NOT NULL) = (state = 'queued')),
    started_at  timestamp CHECK ((started_at IS NOT NULL) = (state = 'running')),
    ended_at    timestamp CHECK ((ended_at IS NOT NULL) = (state IN ('succeeded', 'failed', 'expired', 'cancelled'))),
    owner       text NOT NULL DEFAULT '' CHECK ((owner <> '') = (state = 'running')), -- engine
    cancelling  boolean NOT NULL DEFAULT false,
    error       text,
    redriven    text NOT NULL DEFAULT ''
) WITHOUT ROWID;

CREATE INDEX invocations_due ON invocations (tenant, function, next_at) WHERE state = 'queued';
CREATE INDEX invocations_expiring ON invocations (expires_at) WHERE state = 'queued';
CREATE INDEX invocations_running ON invocations (owner) WHERE state = 'running';
CREATE INDEX invocations_ended ON invocations (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX invocations_of_tenant ON invocations (tenant, accepted_at, id);
CREATE INDEX invocations_of_function ON invocations (tenant, function, accepted_at, id);
CREATE INDEX invocations_dead ON invocations (tenant, function, accepted_at, id) WHERE state IN ('failed', 'expired');
CREATE INDEX invocations_blobs ON invocations (blob) WHERE blob <> '';

CREATE TABLE invocation_events (
    id           text NOT NULL PRIMARY KEY REFERENCES invocations ON DELETE CASCADE,
    content_type text NOT NULL,
    header       text NOT NULL,
    http         text, -- NULL when it did not come as an HTTP request
    payload      blob NOT NULL
);

CREATE TABLE invocation_results (
    id      text NOT NULL PRIMARY KEY REFERENCES invocations ON DELETE CASCADE,
    outcome text NOT NULL
);

CREATE TABLE invocation_attempts (
    invocation text NOT NULL REFERENCES invocations ON DELETE CASCADE,
    attempt    integer NOT NULL,
    version    integer NOT NULL,
    started_at timestamp NOT NULL,
    ended_at   timestamp NOT NULL,
    error      text,
    instance   text NOT NULL,
    cpu        real NOT NULL, -- seconds
    PRIMARY KEY (invocation, attempt)
) WITHOUT ROWID;

-- Outcomes on their way to a destination, written together with the outcome.
CREATE TABLE deliveries (
    invocation  text NOT NULL REFERENCES invocations ON DELETE CASCADE,
    destination text NOT NULL,
    state       text NOT NULL CHECK (state IN ('waiting', 'delivered', 'given-up')),
    attempts    integer NOT NULL DEFAULT 0,
    created_at  timestamp NOT NULL,
    next_at     timestamp CHECK ((next_at IS NOT NULL) = (state = 'waiting')), -- while one is tried: when another engine may
    ended_at    timestamp,
    last_error  text NOT NULL DEFAULT '',
    PRIMARY KEY (invocation, destination)
) WITHOUT ROWID;

CREATE INDEX deliveries_due ON deliveries (next_at) WHERE state = 'waiting';

-- The processes that run events. One whose beat no longer grows is gone.
CREATE TABLE engines (
    id   text NOT NULL PRIMARY KEY,
    node text NOT NULL,
    beat integer NOT NULL
);

-- Payloads that are kept as blobs, noted before they are: what no invocation names after
-- an hour is removed.
CREATE TABLE event_blobs (
    digest     text NOT NULL PRIMARY KEY,
    created_at timestamp NOT NULL
);

-- What signs a tenant's webhooks. It is needed as it is, so it is kept as it is.
CREATE TABLE webhook_keys (
    tenant     text NOT NULL PRIMARY KEY REFERENCES tenants ON DELETE CASCADE,
    key        text NOT NULL,
    previous   text NOT NULL DEFAULT '',
    rotated_at timestamp
);

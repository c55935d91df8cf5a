-- +goose Up

CREATE TABLE triggers (
    tenant      text NOT NULL REFERENCES tenants ON DELETE CASCADE,
    name        text NOT NULL,
    type        text NOT NULL CHECK (type IN ('cron', 'nats', 'webhook')),
    enabled     boolean NOT NULL,
    document    text NOT NULL, -- without secret and status
    secret      text NOT NULL, -- of a webhook: as it is, because signatures are made with it
    revision    integer NOT NULL DEFAULT 1, -- grows with every change
    created_at  timestamp NOT NULL,
    updated_at  timestamp NOT NULL,
    done_until  timestamp NOT NULL, -- of cron: what was due until then is done, or was let go
    last_fired  timestamp,
    last_result text NOT NULL DEFAULT '',
    last_error  text NOT NULL DEFAULT '',
    fired       integer NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, name)
);

-- Which gateway does what one of them is enough for.
CREATE TABLE trigger_leases (
    name  text NOT NULL PRIMARY KEY,
    owner text NOT NULL,
    until timestamp NOT NULL
);

-- +goose Up

CREATE TABLE tenants (
    name       text COLLATE "C" PRIMARY KEY,
    created_at timestamptz NOT NULL
);

INSERT INTO tenants (name, created_at) VALUES ('default', now());

CREATE TABLE api_keys (
    id         text PRIMARY KEY,
    tenant     text COLLATE "C" NOT NULL REFERENCES tenants ON DELETE CASCADE,
    hash       bytea NOT NULL UNIQUE CHECK (length(hash) = 32), -- SHA-256; the key itself is nowhere
    scopes     jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz
);

CREATE INDEX api_keys_of_tenant ON api_keys (tenant);

CREATE TABLE functions (
    tenant       text COLLATE "C" NOT NULL REFERENCES tenants,
    name         text COLLATE "C" NOT NULL,
    config       jsonb NOT NULL,
    last_version integer NOT NULL DEFAULT 0, -- the highest number ever given; a number is never given twice
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant, name)
);

CREATE TABLE versions (
    tenant     text COLLATE "C" NOT NULL,
    function   text COLLATE "C" NOT NULL,
    number     integer NOT NULL CHECK (number > 0),
    image      text NOT NULL,
    digest     text NOT NULL,
    protocol   text NOT NULL,
    runtime    text NOT NULL,
    config     jsonb NOT NULL,
    state      text NOT NULL CHECK (state IN ('building', 'ready', 'failed')),
    reason     text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, function, number),
    FOREIGN KEY (tenant, function) REFERENCES functions ON DELETE CASCADE
);

-- An alias names one version, or splits between it and one other, which gets
-- other_weight of the events.
CREATE TABLE aliases (
    tenant        text COLLATE "C" NOT NULL,
    function      text COLLATE "C" NOT NULL,
    name          text COLLATE "C" NOT NULL,
    version       integer NOT NULL,
    other_version integer CHECK (other_version <> version),
    other_weight  double precision CHECK (other_weight BETWEEN 0 AND 1),
    PRIMARY KEY (tenant, function, name),
    FOREIGN KEY (tenant, function) REFERENCES functions ON DELETE CASCADE,
    FOREIGN KEY (tenant, function, version) REFERENCES versions,
    FOREIGN KEY (tenant, function, other_version) REFERENCES versions,
    CHECK ((other_version IS NULL) = (other_weight IS NULL))
);

-- A build outlives the version it made when that is dropped: no foreign key there.
CREATE TABLE builds (
    id          text PRIMARY KEY,
    tenant      text COLLATE "C" NOT NULL,
    function    text COLLATE "C" NOT NULL,
    version     integer NOT NULL,
    state       text NOT NULL CHECK (state IN ('running', 'succeeded', 'failed')),
    reason      text NOT NULL,
    owner       text NOT NULL,
    last_event  bigint NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL,
    finished_at timestamptz,
    FOREIGN KEY (tenant, function) REFERENCES functions ON DELETE CASCADE
);

CREATE INDEX builds_of_function ON builds (tenant, function);
CREATE INDEX builds_running ON builds (owner) WHERE state = 'running';

CREATE TABLE build_events (
    build text NOT NULL REFERENCES builds ON DELETE CASCADE,
    seq   bigint NOT NULL,
    event json NOT NULL,
    PRIMARY KEY (build, seq)
);

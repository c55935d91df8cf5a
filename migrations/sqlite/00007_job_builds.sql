-- +goose Up

-- A build can be for a job definition instead of a function: function is NULL then, and
-- version the revision. SQLite changes a column by making its table anew.
CREATE TABLE builds_anew (
    id          text NOT NULL PRIMARY KEY,
    tenant      text NOT NULL REFERENCES tenants ON DELETE CASCADE,
    function    text,
    definition  text NOT NULL DEFAULT '',
    version     integer NOT NULL,
    state       text NOT NULL CHECK (state IN ('running', 'succeeded', 'failed')),
    reason      text NOT NULL,
    owner       text NOT NULL,
    last_event  integer NOT NULL DEFAULT 0,
    created_at  timestamp NOT NULL,
    finished_at timestamp,
    FOREIGN KEY (tenant, function) REFERENCES functions ON DELETE CASCADE
);
INSERT INTO builds_anew (id, tenant, function, version, state, reason, owner, last_event, created_at, finished_at)
    SELECT id, tenant, function, version, state, reason, owner, last_event, created_at, finished_at FROM builds;

CREATE TABLE build_events_anew (
    build text NOT NULL REFERENCES builds_anew ON DELETE CASCADE,
    seq   integer NOT NULL,
    event text NOT NULL,
    PRIMARY KEY (build, seq)
) WITHOUT ROWID;
INSERT INTO build_events_anew SELECT build, seq, event FROM build_events;

DROP TABLE build_events;
DROP TABLE builds;
ALTER TABLE builds_anew RENAME TO builds;
ALTER TABLE build_events_anew RENAME TO build_events;

CREATE INDEX builds_of_function ON builds (tenant, function);
CREATE INDEX builds_running ON builds (owner) WHERE state = 'running';

-- Archives that were uploaded for /job/input. One that no job needs is deleted some time
-- after it was used last; ours says that its blob was not there before.
CREATE TABLE job_inputs (
    tenant  text NOT NULL REFERENCES tenants ON DELETE CASCADE,
    digest  text NOT NULL,
    size    integer NOT NULL,
    ours    boolean NOT NULL,
    used_at timestamp NOT NULL,
    PRIMARY KEY (tenant, digest)
) WITHOUT ROWID;

CREATE INDEX job_inputs_used ON job_inputs (used_at);

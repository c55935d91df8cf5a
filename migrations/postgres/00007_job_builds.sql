-- +goose Up

-- A build can be for a job definition instead of a function: function is NULL then, and
-- version the revision.
ALTER TABLE builds ALTER COLUMN function DROP NOT NULL;
ALTER TABLE builds ADD COLUMN definition text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE builds ADD FOREIGN KEY (tenant) REFERENCES tenants ON DELETE CASCADE;

-- Archives that were uploaded for /job/input. One that no job needs is deleted some time
-- after it was used last; ours says that its blob was not there before.
CREATE TABLE job_inputs (
    tenant  text COLLATE "C" NOT NULL REFERENCES tenants ON DELETE CASCADE,
    digest  text COLLATE "C" NOT NULL,
    size    bigint NOT NULL,
    ours    boolean NOT NULL,
    used_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, digest)
);

CREATE INDEX job_inputs_used ON job_inputs (used_at);

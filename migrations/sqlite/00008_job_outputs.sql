-- +goose Up

-- Outputs of jobs that were forgotten, by digest: their blobs are to be deleted, unless
-- another job has left the same.
CREATE TABLE job_outputs_left (
    digest text NOT NULL PRIMARY KEY
) WITHOUT ROWID;

CREATE INDEX job_attempts_output ON job_attempts ((output ->> 'digest')) WHERE output IS NOT NULL;

-- +goose Up

-- Outputs of jobs that were forgotten, by digest: their blobs are to be deleted, unless
-- another job has left the same.
CREATE TABLE job_outputs_left (
    digest text COLLATE "C" PRIMARY KEY
);

CREATE INDEX job_attempts_output ON job_attempts ((output ->> 'digest')) WHERE output IS NOT NULL;

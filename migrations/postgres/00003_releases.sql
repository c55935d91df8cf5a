-- +goose Up

ALTER TABLE tenants ADD COLUMN max_concurrency integer NOT NULL DEFAULT 0; -- 0 is none

ALTER TABLE aliases ADD COLUMN canary jsonb; -- NULL when the split stays as it is
ALTER TABLE aliases ADD COLUMN previous integer NOT NULL DEFAULT 0; -- the version it named before; 0 is none
ALTER TABLE aliases ADD COLUMN moved_at timestamptz;
ALTER TABLE aliases ADD COLUMN moved_by text NOT NULL DEFAULT '';
ALTER TABLE aliases ADD COLUMN revision bigint NOT NULL DEFAULT 0; -- grows with every change

-- Versions up to this number do not take the alias when they are finished: a newer one
-- did, or somebody has said since where the alias goes.
ALTER TABLE aliases ADD COLUMN decided integer NOT NULL DEFAULT 0;
UPDATE aliases SET decided = version;

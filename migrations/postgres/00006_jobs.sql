-- +goose Up

CREATE TABLE compute_environments (
    tenant     text COLLATE "C" NOT NULL REFERENCES tenants ON DELETE CASCADE,
    name       text COLLATE "C" NOT NULL,
    document   jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, name)
);

CREATE TABLE job_queues (
    tenant     text COLLATE "C" NOT NULL REFERENCES tenants ON DELETE CASCADE,
    name       text COLLATE "C" NOT NULL,
    document   jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, name)
);

CREATE TABLE job_definitions (
    tenant     text COLLATE "C" NOT NULL REFERENCES tenants ON DELETE CASCADE,
    name       text COLLATE "C" NOT NULL,
    revision   integer NOT NULL CHECK (revision > 0),
    active     boolean NOT NULL,
    document   jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, name, revision)
);

-- The last number that a job has, and who schedules. Whoever adds jobs keeps the row of
-- the number locked until its commit, so that numbers become visible in their order.
CREATE TABLE job_numbers (
    one  integer NOT NULL PRIMARY KEY CHECK (one = 1),
    last bigint NOT NULL
);
INSERT INTO job_numbers (one, last) VALUES (1, 0);

CREATE TABLE job_lease (
    one    integer NOT NULL PRIMARY KEY CHECK (one = 1),
    holder text NOT NULL,
    epoch  bigint NOT NULL,
    beat   bigint NOT NULL
);
INSERT INTO job_lease (one, holder, epoch, beat) VALUES (1, '', 0, 0);

CREATE TABLE jobs (
    num             bigint NOT NULL PRIMARY KEY,
    id              text NOT NULL UNIQUE,
    tenant          text COLLATE "C" NOT NULL REFERENCES tenants ON DELETE CASCADE,
    name            text COLLATE "C" NOT NULL,
    queue           text COLLATE "C" NOT NULL,
    request         jsonb NOT NULL,
    size            integer NOT NULL, -- of an array; 0 is none
    cpu             double precision NOT NULL,
    memory_mb       integer NOT NULL,
    idempotency_key text,
    created_at      timestamptz NOT NULL,

    status     text NOT NULL,
    reason     text NOT NULL DEFAULT '',
    exit_code  integer,
    next_child integer NOT NULL DEFAULT 0, -- children from here on have never begun
    succeeded  integer NOT NULL DEFAULT 0,
    failed     integer NOT NULL DEFAULT 0,
    stop       text NOT NULL DEFAULT '',
    started_at timestamptz,
    stopped_at timestamptz
);

CREATE INDEX jobs_of_tenant ON jobs (tenant, num);
CREATE INDEX jobs_unfinished ON jobs (num) WHERE stopped_at IS NULL;
CREATE INDEX jobs_failed ON jobs (tenant, num) WHERE status = 'FAILED';
CREATE INDEX jobs_finished ON jobs (stopped_at) WHERE stopped_at IS NOT NULL;
CREATE UNIQUE INDEX jobs_idempotent ON jobs (tenant, idempotency_key) WHERE idempotency_key IS NOT NULL;

-- Children low to high-1 of a job: they wait for another attempt, or an invoker has them.
CREATE TABLE job_slices (
    job         bigint NOT NULL REFERENCES jobs ON DELETE CASCADE,
    low         integer NOT NULL,
    high        integer NOT NULL,
    attempt     integer NOT NULL,
    tries       integer NOT NULL,
    losses      integer NOT NULL,
    memory_mb   integer NOT NULL,
    assignment  text NOT NULL, -- '' while it waits
    invoker     text NOT NULL,
    incarnation text NOT NULL,
    environment text NOT NULL,
    at          timestamptz, -- when it was given, or before when it is not
    live        jsonb NOT NULL,
    PRIMARY KEY (job, attempt, low)
);

CREATE TABLE job_hosts (
    num  integer NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE
);

CREATE TABLE job_attempts (
    job        bigint NOT NULL REFERENCES jobs ON DELETE CASCADE,
    child      integer NOT NULL,
    attempt    integer NOT NULL,
    outcome    integer NOT NULL,
    exit_code  integer,
    reason     text NOT NULL,
    host       integer NOT NULL, -- 0 when it is not known
    started_at timestamptz,
    stopped_at timestamptz,
    cpu_us     bigint NOT NULL,
    peak_mb    integer NOT NULL,
    memory_mb  integer NOT NULL,
    output     jsonb,
    PRIMARY KEY (job, child, attempt)
);

-- Children low to high-1 failed otherwise than by an attempt.
CREATE TABLE job_endings (
    job    bigint NOT NULL REFERENCES jobs ON DELETE CASCADE,
    low    integer NOT NULL,
    high   integer NOT NULL,
    reason text NOT NULL,
    at     timestamptz NOT NULL,
    PRIMARY KEY (job, low)
);

CREATE TABLE job_usage (
    tenant text COLLATE "C" NOT NULL,
    queue  text COLLATE "C" NOT NULL,
    share  text COLLATE "C" NOT NULL,
    vcpus  double precision NOT NULL,
    at     timestamptz NOT NULL,
    PRIMARY KEY (tenant, queue, share)
);

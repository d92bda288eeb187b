-- Runs, and what they and the cluster said: Kubernetes forgets, this does not. The same text runs on SQLite and on PostgreSQL:
-- ids are UUIDv7 in text, times are milliseconds since 1970 UTC unless a column says otherwise, JSON is text.

CREATE TABLE run (
    id            TEXT    PRIMARY KEY NOT NULL,
    team          TEXT    NOT NULL,
    name          TEXT    NOT NULL,
    -- Who launched it: their id, which never changes, and the name they had.
    made_by       TEXT    NOT NULL,
    who           TEXT    NOT NULL,
    launched      BIGINT  NOT NULL,
    -- `slipway_domain::run::spec::RunSpec` as JSON; it never changes.
    spec          TEXT    NOT NULL,
    -- The objects as they were applied, as YAML.
    applied       TEXT    NOT NULL,
    asks_for      TEXT    NOT NULL,
    -- With a comma before, between and after, so that `,tag,` finds one.
    tags          TEXT    NOT NULL,
    -- Whether the cluster said that it has taken the Job, and whether its Job was seen there since. Until it was seen, that it
    -- is not there means nothing.
    made          BOOLEAN NOT NULL,
    seen          BOOLEAN NOT NULL,
    -- `slipway_domain::run::state::State` as JSON, its kind, and when it ended.
    state         TEXT    NOT NULL,
    state_kind    TEXT    NOT NULL,
    ended         BIGINT,
    -- The newest training loss: the metric it was taken from, the value's bits (NaN and infinities survive), and the value as
    -- a number to sort by, where it is finite.
    loss_name     TEXT,
    loss_bits     BIGINT,
    loss          DOUBLE PRECISION,
    -- Up to 32 little-endian doubles: the loss over its steps.
    spark         BYTEA,
    progress_step BIGINT,
    progress_of   BIGINT,
    -- When it was deleted. Nobody sees it from then on; its rows go in small steps.
    deleted       BIGINT
);
CREATE UNIQUE INDEX run_name ON run (team, name) WHERE deleted IS NULL;
CREATE INDEX run_launched ON run (launched);
CREATE INDEX run_team_launched ON run (team, launched);
CREATE INDEX run_ended ON run (ended);

-- What it was doing and from when to when.
CREATE TABLE run_phase (
    run_id TEXT   NOT NULL REFERENCES run (id),
    seq    BIGINT NOT NULL,
    kind   TEXT   NOT NULL,
    since  BIGINT NOT NULL,
    until  BIGINT,
    PRIMARY KEY (run_id, seq)
);

CREATE TABLE run_pod (
    run_id    TEXT    NOT NULL REFERENCES run (id),
    name      TEXT    NOT NULL,
    node      TEXT,
    status    TEXT    NOT NULL,
    restarts  BIGINT  NOT NULL,
    created   BIGINT  NOT NULL,
    exit_code BIGINT,
    message   TEXT    NOT NULL,
    -- The cluster no longer has it.
    gone      BOOLEAN NOT NULL,
    PRIMARY KEY (run_id, name)
);
CREATE INDEX run_pod_gone ON run_pod (gone);

-- What Kubernetes and Slipway said. `key` is the same for the same event seen again.
CREATE TABLE run_event (
    run_id  TEXT    NOT NULL REFERENCES run (id),
    key     TEXT    NOT NULL,
    at      BIGINT  NOT NULL,
    warning BOOLEAN NOT NULL,
    reason  TEXT    NOT NULL,
    object  TEXT    NOT NULL,
    message TEXT    NOT NULL,
    count   BIGINT  NOT NULL,
    PRIMARY KEY (run_id, key)
);
CREATE INDEX run_event_at ON run_event (run_id, at);

-- A person's order to stop a run, written down before the cluster is asked, so that it is carried out also when the server
-- goes down in between.
CREATE TABLE stop_order (
    run_id  TEXT   PRIMARY KEY NOT NULL REFERENCES run (id),
    at      BIGINT NOT NULL,
    -- `slipway_domain::person::Caller` as JSON: the cluster is asked in their name.
    caller  TEXT   NOT NULL,
    -- When the cluster refused it, or could not be reached: then it counts only if the Job goes all the same.
    refused BIGINT
);

CREATE TABLE checkpoint (
    run_id TEXT   NOT NULL REFERENCES run (id),
    step   BIGINT NOT NULL,
    path   TEXT   NOT NULL,
    bytes  BIGINT NOT NULL,
    sha256 TEXT   NOT NULL,
    at     BIGINT NOT NULL,
    PRIMARY KEY (run_id, step)
);

-- One row a metric, kept in step with its chunks.
CREATE TABLE metric (
    run_id    TEXT   NOT NULL REFERENCES run (id),
    name      TEXT   NOT NULL,
    points    BIGINT NOT NULL,
    -- The newest point: its step and its value's bits.
    step      BIGINT NOT NULL,
    last_bits BIGINT NOT NULL,
    -- Extremes of the finite values.
    min       DOUBLE PRECISION,
    max       DOUBLE PRECISION,
    -- The sequence number of the next chunk.
    next_seq  BIGINT NOT NULL,
    PRIMARY KEY (run_id, name)
);

-- Points in the order in which they came: a later chunk wins where both hold a step. `server/src/store/metrics/pack.rs` says
-- what `data` and `extremes` hold.
CREATE TABLE metric_chunk (
    run_id    TEXT   NOT NULL,
    name      TEXT   NOT NULL,
    seq       BIGINT NOT NULL,
    -- How often its points were merged; 16 chunks of one level become one of the next.
    level     BIGINT NOT NULL,
    points    BIGINT NOT NULL,
    step_from BIGINT NOT NULL,
    step_to   BIGINT NOT NULL,
    data      BYTEA  NOT NULL,
    -- Only on full chunks: the extremes of each 128 points, so that a wide chart need not unpack `data`.
    extremes  BYTEA,
    PRIMARY KEY (run_id, name, seq)
);

-- The output of one container. The position says which line of it was stored last, so that a reader that starts again neither
-- loses nor doubles one.
CREATE TABLE log_stream (
    run_id        TEXT    NOT NULL REFERENCES run (id),
    -- 0, 1, 2 … in the order in which they were first read.
    number        BIGINT  NOT NULL,
    pod           TEXT    NOT NULL,
    container     TEXT    NOT NULL,
    restart       BIGINT  NOT NULL,
    -- Lines numbered so far, those that were dropped included.
    lines         BIGINT  NOT NULL,
    -- Bytes kept, uncompressed.
    bytes         BIGINT  NOT NULL,
    dropped_lines BIGINT  NOT NULL,
    dropped_bytes BIGINT  NOT NULL,
    -- The time of the last line read, in nanoseconds since 1970, the latest of all, and how many of the last lines bear the
    -- last line's time.
    last_at       BIGINT  NOT NULL,
    latest_at     BIGINT  NOT NULL,
    same          BIGINT  NOT NULL,
    -- Nothing more will come.
    ended         BOOLEAN NOT NULL,
    PRIMARY KEY (run_id, number),
    UNIQUE (run_id, pod, container, restart)
);

CREATE TABLE log_chunk (
    run_id     TEXT    NOT NULL,
    stream     BIGINT  NOT NULL,
    first_line BIGINT  NOT NULL,
    lines      BIGINT  NOT NULL,
    -- Uncompressed.
    bytes      BIGINT  NOT NULL,
    level      BIGINT  NOT NULL,
    -- Among its stream's first bytes, which are kept longest.
    head       BOOLEAN NOT NULL,
    data       BYTEA   NOT NULL,
    PRIMARY KEY (run_id, stream, first_line)
);

-- Nodes whose GPUs are cut anew. The same text runs on SQLite and on PostgreSQL: ids are UUIDv7 in text, times are milliseconds
-- since 1970 UTC, JSON is text.

CREATE TABLE relayout (
    id      TEXT   PRIMARY KEY NOT NULL,
    node    TEXT   NOT NULL,
    -- The name of whoever ordered it.
    who     TEXT   NOT NULL,
    ordered BIGINT NOT NULL,
    -- When it was done, failed or was aborted.
    ended   BIGINT,
    -- `slipway_domain::person::Caller` as JSON: the cluster is asked in their name. Whoever aborts it takes their place.
    caller  TEXT   NOT NULL,
    -- `slipway_domain::relayout::steps::Order` as JSON; it never changes.
    spec    TEXT   NOT NULL,
    -- The cuts in words.
    was     TEXT   NOT NULL,
    wanted  TEXT   NOT NULL,
    -- `slipway_domain::relayout::steps::State` as JSON, and how often it has changed, so that of two who change it one is told.
    state   TEXT   NOT NULL,
    version BIGINT NOT NULL
);
-- One at a time on each node.
CREATE UNIQUE INDEX relayout_open ON relayout (node) WHERE ended IS NULL;
CREATE INDEX relayout_node ON relayout (node, ordered);

-- What it went through.
CREATE TABLE relayout_moment (
    relayout_id TEXT   NOT NULL REFERENCES relayout (id),
    seq         BIGINT NOT NULL,
    at          BIGINT NOT NULL,
    -- `slipway_domain::relayout::steps::State` as JSON.
    state       TEXT   NOT NULL,
    PRIMARY KEY (relayout_id, seq)
);

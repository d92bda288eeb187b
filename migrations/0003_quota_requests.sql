-- Requests for more of a quota until a date. The same text runs on SQLite and on PostgreSQL: ids are UUIDv7 in text, times are
-- milliseconds since 1970 UTC, JSON is text.

CREATE TABLE quota_request (
    id          TEXT    PRIMARY KEY NOT NULL,
    team        TEXT    NOT NULL,
    quota       TEXT    NOT NULL,
    resource    TEXT    NOT NULL,
    -- As Kubernetes writes it, such as 2 or 64Gi.
    amount      TEXT    NOT NULL,
    -- Until when it is asked for.
    until       BIGINT  NOT NULL,
    why         TEXT    NOT NULL,
    -- Who asks: their id, which never changes, and the name they had.
    made_by     TEXT    NOT NULL,
    who         TEXT    NOT NULL,
    asked       BIGINT  NOT NULL,
    -- `slipway_domain::quota::request::RequestState` as JSON, and its word.
    state       TEXT    NOT NULL,
    state_word  TEXT    NOT NULL,
    -- Who granted it, as `slipway_domain::person::Caller` in JSON, and when: what they ordered is carried out in their name.
    granted_by  TEXT,
    granted_at  BIGINT,
    -- Whether the cluster has taken the grant.
    carried_out BOOLEAN NOT NULL,
    -- When carrying out what was ordered last failed, and why.
    tried       BIGINT,
    trouble     TEXT
);
CREATE INDEX quota_request_team ON quota_request (team, asked);
CREATE INDEX quota_request_state ON quota_request (state_word);

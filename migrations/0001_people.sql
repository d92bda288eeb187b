-- People, their teams, their sessions, and the audit log. The same text runs on SQLite and on PostgreSQL:
-- ids are UUIDv7 in text, times are milliseconds since 1970 UTC, JSON is text.

CREATE TABLE team (
    name    TEXT   PRIMARY KEY NOT NULL,
    created BIGINT NOT NULL
);

CREATE TABLE person (
    id             TEXT    PRIMARY KEY NOT NULL,
    name           TEXT    NOT NULL UNIQUE,
    platform_admin BOOLEAN NOT NULL,
    active         BOOLEAN NOT NULL,
    -- Argon2id in PHC form; null until the one-time link was used.
    password       TEXT,
    created        BIGINT  NOT NULL,
    -- When they last used Slipway, to the minute; null before they first signed in.
    last_seen      BIGINT
);

CREATE TABLE membership (
    person_id TEXT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    team      TEXT NOT NULL REFERENCES team (name),
    role      TEXT NOT NULL CHECK (role IN ('engineer', 'approver', 'admin')),
    PRIMARY KEY (person_id, team)
);
CREATE INDEX membership_team ON membership (team);

-- One-time links. Whoever reads this table can use none of them: only the SHA-256 of each token is kept.
CREATE TABLE invitation (
    token_hash TEXT   PRIMARY KEY NOT NULL,
    -- Null on the link with which the first admin makes their account.
    person_id  TEXT   REFERENCES person (id) ON DELETE CASCADE,
    created    BIGINT NOT NULL,
    expires    BIGINT NOT NULL
);
CREATE INDEX invitation_person ON invitation (person_id);

-- Whoever reads this table can take over no session: only the SHA-256 of each id is kept.
CREATE TABLE session (
    id_hash   TEXT   PRIMARY KEY NOT NULL,
    person_id TEXT   NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    address   TEXT   NOT NULL,
    agent     TEXT   NOT NULL,
    created   BIGINT NOT NULL,
    last_seen BIGINT NOT NULL,
    -- When it ends whatever happens; it ends earlier when it is not used.
    expires   BIGINT NOT NULL
);
CREATE INDEX session_person ON session (person_id);
CREATE INDEX session_expires ON session (expires);

-- Each row's hash covers its columns and the hash of the row before, so that a change to any of them shows.
CREATE TABLE audit (
    seq        BIGINT PRIMARY KEY NOT NULL,
    at         BIGINT NOT NULL,
    request    TEXT   NOT NULL,
    person     TEXT   NOT NULL,
    action     TEXT   NOT NULL,
    subject    TEXT   NOT NULL,
    before     TEXT,
    after      TEXT,
    phase      TEXT   NOT NULL CHECK (phase IN ('intent', 'outcome')),
    -- The intent whose outcome this is; null on an intent, and on an attempt that was refused before anything was meant to change.
    intent_seq BIGINT,
    -- `ok` or the refusal's sentence; null on an intent.
    result     TEXT,
    previous   TEXT   NOT NULL,
    hash       TEXT   NOT NULL
);
CREATE INDEX audit_person ON audit (person, seq);

-- The chain's end. Taking the next number from here, first of all in a transaction, makes writers wait for each other on both
-- databases, and shows when rows are cut from the end.
CREATE TABLE audit_head (
    id   BIGINT PRIMARY KEY NOT NULL CHECK (id = 1),
    seq  BIGINT NOT NULL,
    hash TEXT   NOT NULL
);
INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, '');

-- How each team's namespace stands, as the driver that keeps it last found it.
ALTER TABLE team ADD COLUMN namespace TEXT NOT NULL DEFAULT 'preparing' CHECK (namespace IN ('preparing', 'prepared', 'refused'));
-- What it waits for or why it is refused; empty where there is nothing to say.
ALTER TABLE team ADD COLUMN namespace_why TEXT NOT NULL DEFAULT '';
-- Since when it stands so.
ALTER TABLE team ADD COLUMN namespace_since BIGINT NOT NULL DEFAULT 0;

-- The team that a row concerns. It is hashed where it is there, so that the hashes of rows from before it was still hold. Null
-- on those rows, and on what concerns no team.
ALTER TABLE audit ADD COLUMN team TEXT;
CREATE INDEX audit_team ON audit (team, seq);
-- From an intent to its outcome.
CREATE INDEX audit_intent ON audit (intent_seq);
CREATE INDEX audit_at ON audit (at);

-- Who made way for whom. The scheduler names the Pod that came by its uid, so the Pods of runs are kept by theirs.

CREATE TABLE pod_identity (
    uid      TEXT   PRIMARY KEY NOT NULL,
    run_id   TEXT   NOT NULL REFERENCES run (id),
    pod      TEXT   NOT NULL,
    priority BIGINT NOT NULL
);
CREATE INDEX pod_identity_run ON pod_identity (run_id, pod);

-- One row for each Pod that made way. What it cost is reckoned from the run's phases and checkpoints.
CREATE TABLE preemption (
    run_id TEXT   NOT NULL REFERENCES run (id),
    pod    TEXT   NOT NULL,
    at     BIGINT NOT NULL,
    -- Null where only the Pod's own condition told of it.
    node   TEXT,
    -- The uid of the Pod that came. Which run's it is may become known later, or never.
    by_uid TEXT,
    PRIMARY KEY (run_id, pod)
);
CREATE INDEX preemption_by ON preemption (by_uid);

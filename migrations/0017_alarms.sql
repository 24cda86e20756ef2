-- What somebody in charge should know: written by the node that noticed, shown by all.
CREATE TABLE alarms (
    id BLOB PRIMARY KEY,
    establishment_id BLOB NOT NULL REFERENCES establishments (id),
    -- The account that it is about, if it is about one.
    account_id BLOB,
    word TEXT NOT NULL,
    at_micros BIGINT NOT NULL,
    -- Whether those who manage accounts were written to.
    mailed BIGINT NOT NULL,
    -- From where.
    sealed BLOB NOT NULL
);
CREATE INDEX alarms_by_time ON alarms (establishment_id, word, at_micros);

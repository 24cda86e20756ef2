-- What administrators decided of the sessions of a population: sealed, one row for each population that has its own.
CREATE TABLE session_rules (
    establishment_id BLOB NOT NULL REFERENCES establishments (id),
    population TEXT NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (establishment_id, population)
);

-- Sessions closed because their account opened another: kept until they would have ended, so that the browser that still
-- shows one is told why it opens nothing.
CREATE TABLE closed_sessions (
    id BLOB PRIMARY KEY,
    account_id BLOB NOT NULL REFERENCES accounts (id),
    door TEXT NOT NULL,
    sealed BLOB NOT NULL,
    ends_micros BIGINT NOT NULL
);
CREATE INDEX closed_sessions_by_account ON closed_sessions (account_id);
CREATE INDEX closed_sessions_by_end ON closed_sessions (ends_micros);

-- When the browser of a session was last there, where one session at a time is kept.
ALTER TABLE sessions ADD COLUMN seen_micros BIGINT NOT NULL DEFAULT 0;

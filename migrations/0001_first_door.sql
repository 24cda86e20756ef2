-- The first door. One text for SQLite and PostgreSQL (BLOB reads BYTEA there). Personal data only in sealed columns.

CREATE TABLE stamps (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

-- One row for each effect, in the commit that makes it: the marker that recovery looks for.
CREATE TABLE effects (
    trace_id BLOB PRIMARY KEY,
    origin TEXT NOT NULL,
    event TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('done', 'abandoned')),
    at_micros BIGINT NOT NULL
);

CREATE TABLE establishments (
    id BLOB PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);

CREATE TABLE accounts (
    id BLOB PRIMARY KEY,
    establishment_id BLOB NOT NULL REFERENCES establishments (id),
    login_token BLOB NOT NULL UNIQUE,
    role TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('active', 'suspended', 'blocked', 'closed')),
    sealed BLOB NOT NULL,
    last_step BIGINT NOT NULL,
    last_sign_in BLOB,
    version BIGINT NOT NULL
);

CREATE TABLE sessions (
    id BLOB PRIMARY KEY,
    account_id BLOB NOT NULL REFERENCES accounts (id),
    establishment_id BLOB NOT NULL REFERENCES establishments (id),
    door TEXT NOT NULL,
    record BLOB NOT NULL,
    tag BLOB NOT NULL,
    sealed BLOB NOT NULL,
    ends_micros BIGINT NOT NULL
);
CREATE INDEX sessions_by_end ON sessions (ends_micros);

-- Failed sign-ins, counted by keyed tokens of source and login.
CREATE TABLE failures (
    counter BLOB PRIMARY KEY,
    count BIGINT NOT NULL,
    last_micros BIGINT NOT NULL
);

CREATE TABLE patients (
    id BLOB PRIMARY KEY,
    establishment_id BLOB NOT NULL REFERENCES establishments (id),
    ins_token BLOB NOT NULL,
    sealed BLOB NOT NULL,
    UNIQUE (establishment_id, ins_token)
);

CREATE TABLE relations (
    id BLOB PRIMARY KEY,
    establishment_id BLOB NOT NULL REFERENCES establishments (id),
    account_id BLOB NOT NULL REFERENCES accounts (id),
    sealed BLOB NOT NULL
);
CREATE INDEX relations_by_account ON relations (account_id);

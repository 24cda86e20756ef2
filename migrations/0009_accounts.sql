-- The life of accounts. What is said of a person, what a link is for and until when stand in sealed columns, and the copies
-- outside them only help to find rows. Digests are of random secrets, or keyed.

ALTER TABLE accounts ADD COLUMN profile BLOB;

-- One link at most for each account: a new one takes the place of the one before.
CREATE TABLE account_links (
    account_id BLOB PRIMARY KEY REFERENCES accounts (id),
    digest BLOB NOT NULL UNIQUE,
    sealed BLOB NOT NULL,
    expires_micros BIGINT NOT NULL
);

CREATE TABLE spare_codes (
    account_id BLOB NOT NULL REFERENCES accounts (id),
    digest BLOB NOT NULL,
    PRIMARY KEY (account_id, digest)
);

CREATE INDEX sessions_by_account ON sessions (account_id);
CREATE INDEX accounts_by_establishment ON accounts (establishment_id, id);

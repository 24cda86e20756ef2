-- Means of identification beside the password, and whose people suppliers' people are. What tells something of a person
-- stands in sealed columns. Fingerprints and credentials are digests or random.

ALTER TABLE accounts ADD COLUMN supplier_id BLOB;

CREATE TABLE ssh_keys (
    account_id BLOB NOT NULL REFERENCES accounts (id),
    fingerprint TEXT NOT NULL,
    sealed BLOB NOT NULL,
    added_micros BIGINT NOT NULL,
    PRIMARY KEY (account_id, fingerprint)
);

-- A passkey signs nothing of weight before somebody trusted has signed its enrolment: the sealed evidence is in vouch.
CREATE TABLE passkeys (
    credential BLOB PRIMARY KEY,
    account_id BLOB NOT NULL REFERENCES accounts (id),
    establishment_id BLOB NOT NULL REFERENCES establishments (id),
    sealed BLOB NOT NULL,
    vouch BLOB,
    created_micros BIGINT NOT NULL
);
CREATE INDEX passkeys_by_account ON passkeys (account_id);

-- Tokens of the interfaces: the record is authenticated by the door's key, and holds the secret's digest only.
CREATE TABLE tokens (
    id BLOB PRIMARY KEY,
    account_id BLOB NOT NULL REFERENCES accounts (id),
    establishment_id BLOB NOT NULL REFERENCES establishments (id),
    door TEXT NOT NULL,
    record BLOB NOT NULL,
    tag BLOB NOT NULL,
    sealed BLOB NOT NULL,
    expires_micros BIGINT NOT NULL,
    used_micros BIGINT
);
CREATE INDEX tokens_by_account ON tokens (account_id);

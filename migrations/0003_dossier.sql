-- The latest answer of each probe. No personal data. The tag (keyed) covers the whole row: one written by hand proves
-- nothing.
CREATE TABLE proofs (
    probe TEXT PRIMARY KEY,
    outcome TEXT NOT NULL,
    detail TEXT NOT NULL,
    at_micros BIGINT NOT NULL,
    expires_micros BIGINT NOT NULL,
    tag BLOB NOT NULL
);

-- Accounts that sign in by two sealed envelopes and nothing else: which they are. What is kept of their envelopes is sealed with
-- the account, and a row here makes no account one of these.
CREATE TABLE break_glass (
    account_id BLOB PRIMARY KEY REFERENCES accounts (id),
    establishment_id BLOB NOT NULL REFERENCES establishments (id)
);
CREATE INDEX break_glass_by_establishment ON break_glass (establishment_id);

-- The sessions that envelopes opened, until long after somebody looked at them: an alarm while the last column is empty.
CREATE TABLE break_glass_uses (
    session_id BLOB PRIMARY KEY,
    account_id BLOB NOT NULL REFERENCES accounts (id),
    establishment_id BLOB NOT NULL REFERENCES establishments (id),
    opened_micros BIGINT NOT NULL,
    sealed BLOB NOT NULL,
    review BLOB
);
CREATE INDEX break_glass_uses_by_establishment ON break_glass_uses (establishment_id, opened_micros);

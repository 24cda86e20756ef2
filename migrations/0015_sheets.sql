-- The codes of printed sheets that have not served, as keyed digests bound to account, sheet and number. Which sheet serves, which
-- waits for a second person and until when is sealed with the account: rows of another sheet, put back, open nothing.
CREATE TABLE sheet_codes (
    account_id BLOB NOT NULL REFERENCES accounts (id),
    sheet_id BLOB NOT NULL,
    number BIGINT NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (account_id, sheet_id, number)
);

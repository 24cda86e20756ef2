-- Mail that waits to leave, written in the commit of the act that it tells of. To whom and what is sealed. A row goes as soon
-- as the mail server took its message, or at its end: it may hold a link, which opens an account.
CREATE TABLE outbox (
    id BLOB PRIMARY KEY,
    account_id BLOB NOT NULL REFERENCES accounts (id),
    establishment_id BLOB NOT NULL REFERENCES establishments (id),
    -- 1: it holds a link, and goes with it.
    holds_link BIGINT NOT NULL,
    sealed BLOB NOT NULL,
    written_micros BIGINT NOT NULL,
    expires_micros BIGINT NOT NULL,
    -- How many times a node took it to send it, and from when on one may again.
    tried BIGINT NOT NULL,
    next_micros BIGINT NOT NULL
);
CREATE INDEX outbox_by_account ON outbox (account_id);
CREATE INDEX outbox_by_next ON outbox (next_micros);
CREATE INDEX outbox_by_end ON outbox (expires_micros);

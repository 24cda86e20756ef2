-- Sign-ins by SSH that wait for their holder's answer in his browser, and what became of them. What is asked, from where, and
-- the answer are sealed. Rows stay until nobody counts them any more: an account asks only so many times in a while.
CREATE TABLE ssh_approvals (
    id BLOB PRIMARY KEY,
    account_id BLOB NOT NULL REFERENCES accounts (id),
    -- waiting, given, refused, used or over. Nothing opens by this word alone: what is given is sealed.
    state TEXT NOT NULL,
    sealed BLOB NOT NULL,
    answer BLOB,
    asked_micros BIGINT NOT NULL,
    ends_micros BIGINT NOT NULL
);
CREATE INDEX ssh_approvals_by_account ON ssh_approvals (account_id);
CREATE INDEX ssh_approvals_by_asked ON ssh_approvals (asked_micros);

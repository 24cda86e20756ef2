-- Searches that trace controllers keep for themselves: their names and what they ask for stand in the sealed column.
CREATE TABLE saved_searches (
    id BLOB PRIMARY KEY,
    account_id BLOB NOT NULL,
    sealed BLOB NOT NULL
);
CREATE INDEX saved_searches_by_account ON saved_searches (account_id);

-- A challenge that a passkey signed to come in serves once, whichever node drew it. Digests are keyed.

CREATE TABLE spent_challenges (
    digest BLOB PRIMARY KEY,
    expires_micros BIGINT NOT NULL
);

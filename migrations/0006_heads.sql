-- How far each journal was known to have come: a folder that holds less is an older one put back, or has lost a part.
-- The successor is the origin that goes on in its place since that loss was declared.
CREATE TABLE journal_heads (
    origin TEXT PRIMARY KEY,
    size BIGINT NOT NULL,
    root BLOB NOT NULL,
    at_micros BIGINT NOT NULL,
    successor TEXT
);

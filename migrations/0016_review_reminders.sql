-- When those who manage an establishment's accounts were last written to about accounts that are to be looked at again.
CREATE TABLE review_reminders (
    establishment_id BLOB PRIMARY KEY REFERENCES establishments (id),
    at_micros BIGINT NOT NULL
);

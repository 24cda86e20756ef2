-- What patients ask of the traces of their own records, and what a node that may read traces answers, sealed. One a patient.
CREATE TABLE sightings (
    patient_id BLOB PRIMARY KEY,
    asked_micros BIGINT NOT NULL,
    answered_micros BIGINT,
    sealed BLOB
);
CREATE INDEX sightings_by_moment ON sightings (asked_micros);

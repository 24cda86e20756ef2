-- The second door: suppliers, equipment, interventions, what was signed for them, sessions through the relays. What tells
-- something of a person, a machine's address or a purpose stands in sealed columns. 0 means "not" in columns of moments.

CREATE TABLE suppliers (
    id BLOB PRIMARY KEY,
    establishment_id BLOB NOT NULL REFERENCES establishments (id),
    name TEXT NOT NULL,
    UNIQUE (establishment_id, name)
);

-- What opens the equipment is sealed to a key that only the relays' door has.
CREATE TABLE equipment (
    id BLOB PRIMARY KEY,
    establishment_id BLOB NOT NULL REFERENCES establishments (id),
    version BIGINT NOT NULL,
    name TEXT NOT NULL,
    sealed BLOB NOT NULL,
    secret BLOB NOT NULL,
    UNIQUE (establishment_id, name)
);

-- For finding: who answers for an equipment is what was signed, in its sealed column.
CREATE TABLE equipment_beneficiaries (
    equipment_id BLOB NOT NULL REFERENCES equipment (id),
    account_id BLOB NOT NULL REFERENCES accounts (id),
    PRIMARY KEY (equipment_id, account_id)
);
CREATE INDEX equipment_by_beneficiary ON equipment_beneficiaries (account_id);

CREATE TABLE interventions (
    id BLOB PRIMARY KEY,
    establishment_id BLOB NOT NULL REFERENCES establishments (id),
    supplier_id BLOB NOT NULL REFERENCES suppliers (id),
    equipment_id BLOB NOT NULL REFERENCES equipment (id),
    version BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    state TEXT NOT NULL,
    from_micros BIGINT NOT NULL,
    until_micros BIGINT NOT NULL,
    hold_micros BIGINT NOT NULL,
    requested_micros BIGINT NOT NULL,
    sealed BLOB NOT NULL
);
CREATE INDEX interventions_by_request ON interventions (establishment_id, requested_micros);
CREATE INDEX interventions_by_equipment ON interventions (equipment_id);
CREATE INDEX interventions_by_supplier ON interventions (supplier_id, state);
CREATE INDEX interventions_by_end ON interventions (state, until_micros);

CREATE TABLE intervention_technicians (
    intervention_id BLOB NOT NULL REFERENCES interventions (id),
    account_id BLOB NOT NULL REFERENCES accounts (id),
    PRIMARY KEY (intervention_id, account_id)
);
CREATE INDEX interventions_by_technician ON intervention_technicians (account_id);

-- The nonce is the key: a signature serves once.
CREATE TABLE intervention_signatures (
    nonce BLOB PRIMARY KEY,
    intervention_id BLOB NOT NULL REFERENCES interventions (id),
    kind TEXT NOT NULL,
    account_id BLOB NOT NULL REFERENCES accounts (id),
    until_micros BIGINT NOT NULL,
    released BIGINT NOT NULL,
    at_micros BIGINT NOT NULL,
    sealed BLOB NOT NULL
);
CREATE INDEX signatures_by_intervention ON intervention_signatures (intervention_id);

CREATE TABLE intervention_steps (
    id BLOB PRIMARY KEY,
    intervention_id BLOB NOT NULL REFERENCES interventions (id),
    number BIGINT NOT NULL,
    at_micros BIGINT NOT NULL,
    sealed BLOB NOT NULL
);
CREATE INDEX steps_by_intervention ON intervention_steps (intervention_id);

CREATE TABLE relay_sessions (
    id BLOB PRIMARY KEY,
    intervention_id BLOB NOT NULL REFERENCES interventions (id),
    account_id BLOB NOT NULL REFERENCES accounts (id),
    opened_micros BIGINT NOT NULL,
    closed_micros BIGINT NOT NULL,
    end_reason TEXT NOT NULL,
    sealed BLOB NOT NULL,
    outcome BLOB
);
CREATE INDEX relay_sessions_by_intervention ON relay_sessions (intervention_id);
CREATE INDEX relay_sessions_by_opening ON relay_sessions (opened_micros);

-- How a cut reaches the node that holds the session.
CREATE TABLE leases (
    id BLOB PRIMARY KEY,
    intervention_id BLOB NOT NULL REFERENCES interventions (id),
    origin TEXT NOT NULL,
    ends_micros BIGINT NOT NULL,
    hold_micros BIGINT NOT NULL,
    cut_micros BIGINT NOT NULL,
    cut_reason TEXT NOT NULL,
    closed BIGINT NOT NULL
);
CREATE INDEX leases_by_origin ON leases (origin, closed);
CREATE INDEX leases_by_intervention ON leases (intervention_id);

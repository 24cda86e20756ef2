-- Whether the act that was done was a refusal by rule: recovery gives it the outcome that a stop swallowed.
ALTER TABLE effects ADD COLUMN refused BIGINT NOT NULL DEFAULT 0;

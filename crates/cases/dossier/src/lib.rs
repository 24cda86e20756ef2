//! The compliance file: the catalogue of rules, their proofs, and their states.

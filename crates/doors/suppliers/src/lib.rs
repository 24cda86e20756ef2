//! The suppliers' door: their technicians and managers, and auditors.

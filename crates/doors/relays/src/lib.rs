//! The relays: what technicians reach machines through. SSH for now.

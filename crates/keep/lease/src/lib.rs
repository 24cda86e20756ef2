//! What lasts: an authorization traded for a lease that can be cut at any moment.

//! What the doors with pages share: who asks, signing in and out, one's own session.

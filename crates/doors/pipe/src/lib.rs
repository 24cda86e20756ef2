//! Bounded forwarding between two byte streams: limits, metering, idle, cut.

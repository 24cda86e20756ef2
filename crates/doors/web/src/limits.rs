//! What one stranger may cost a door. Every number is a ceiling; names end with their unit.

use std::time::Duration;

/// The bounds of one listener. The defaults suit a hospital's portal on a small machine; behind a balancer that hides
/// the clients' addresses and is not trusted to tell them, raise `connections_per_source_max` to `connections_max`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections held at once, whoever opened them; one more is closed at once. About 100 kB each.
    pub connections_max: usize,
    /// Connections held at once by one source (an IPv4 address, an IPv6 /64). A mobile operator's shared address
    /// carries many patients, each with one HTTP/2 connection. A trusted proxy counts for no source.
    pub connections_per_source_max: usize,
    /// From the TCP connection to the end of a proxy's announcement, where one is expected.
    pub announcement_max: Duration,
    /// From the TCP connection, or its announcement, to the end of the TLS handshake.
    pub handshake_max: Duration,
    /// From the first byte waited for to the end of a request's header (HTTP/1.1).
    pub header_read_max: Duration,
    /// A request's line and header together, in bytes; past it the answer is 431.
    pub header_bytes_max: usize,
    /// Requests in flight on one HTTP/2 connection.
    pub streams_max: u32,
    /// A connection without a request in flight.
    pub idle_max: Duration,
    /// A connection's whole life; then it finishes what is in flight and closes.
    pub connection_max: Duration,
    /// From a request's header to its answer's header, body read included; past it the answer is 503.
    pub request_max: Duration,
    /// A write that the peer does not take.
    pub write_stall_max: Duration,
    /// A request's body, in bytes: forms only; past it the answer is 413.
    pub form_bytes_max: usize,
    /// The same under `/api/`, where bodies are JSON.
    pub api_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 1024,
            connections_per_source_max: 64,
            announcement_max: Duration::from_secs(5),
            handshake_max: Duration::from_secs(10),
            header_read_max: Duration::from_secs(10),
            header_bytes_max: 16 * 1024,
            streams_max: 64,
            idle_max: Duration::from_secs(60),
            connection_max: Duration::from_secs(600),
            request_max: Duration::from_secs(30),
            write_stall_max: Duration::from_secs(30),
            form_bytes_max: 16 * 1024,
            api_bytes_max: 64 * 1024,
        }
    }
}

//! Bounds that hold everywhere. Names end with their unit.

/// Objects on one page of a list, and named by one trace at most.
pub const PAGE_OBJECTS_MAX: usize = 100;
/// A document opened through the portal.
pub const DOCUMENT_BYTES_MAX: usize = 20 * 1024 * 1024;
/// Refusals of one type that one source may write in a minute before they fold.
pub const REFUSALS_PER_MINUTE_MAX: u32 = 20;
/// Refusals of all sources that may be written one by one in a minute before all fold.
pub const REFUSALS_ALL_PER_MINUTE_MAX: u32 = 1200;
/// How long a page waits for the SIS before it says so.
pub const SIS_WAIT_MILLIS_MAX: u64 = 2500;
/// A session unused for this long ends (segur IE.59 asks for two hours at most).
pub const SESSION_IDLE_SECONDS_MAX: u64 = 2 * 3600;
/// How long an `Authorized` may wait before its effect begins.
pub const AUTHORIZED_SECONDS_MAX: u64 = 30;

//! What every forwarding door needs, whatever it forwards: how much may wait, what passed, how long ago, and the end of it.
//!
//! - [`Backlog`]: bytes that arrived and were not taken yet; who brings them waits, but never for ever.
//! - [`Meter`]: counts and digests one direction. [`Traffic`]: both, for those who look on.
//! - [`Cuttable`]: a stream that a token ends at once, whatever it is waiting for.

mod backlog;
mod cut;
mod meter;

pub use backlog::{Backlog, Overrun};
pub use cut::Cuttable;
pub use meter::{Meter, Passed, Traffic};

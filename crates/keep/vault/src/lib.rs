//! Keys, and what they seal.
//!
//! One master key (a file, mode 0600) derives a key for each [`Purpose`]; a [`Keys`] holds only those that its
//! [`Holder`] may use, by the matrix in `purpose`. What is sealed is bound to its [`Place`]: moved to another row or
//! column, it no longer opens. Personal data that only somebody else may read goes to a public key ([`hpke`]).

mod destroyed;
pub mod hpke;
mod keys;
mod master;
mod month_keys;
mod purpose;
pub mod stream;

pub use destroyed::KeptPair;
pub use keys::{Keys, Place, random};
pub use master::MasterKey;
pub use month_keys::{MonthKeys, PAIR_BYTES_MAX, SealOnly, SealTo, pair_file};
pub use purpose::{Access, Holder, Purpose, access};

/// What went wrong with a key or a sealed thing. It never says what was inside.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The key file is missing, readable by others, or not a key.
    #[error("{0}")]
    KeyFile(String),
    /// This holder has no such key (see the matrix).
    #[error("{holder} may not {wanted} {purpose}")]
    NotYours {
        /// Who asked.
        holder: Holder,
        /// To do what.
        wanted: &'static str,
        /// With which key.
        purpose: Purpose,
    },
    /// The sealed bytes were changed, moved, or sealed under another key.
    #[error("a sealed value does not open in its place")]
    DoesNotOpen,
    /// The private key was destroyed at its term: what was sealed to it is erased, and nothing is sealed to it again.
    #[error("the key {0} was destroyed at its term; what was sealed to it is erased")]
    Destroyed(String),
    /// The cryptographic library refused.
    #[error("the cryptographic library refused: {0}")]
    Library(&'static str),
}

//! Time stamps of an authority (RFC 3161) on published checkpoints: that a journal was so far by then, said by somebody else.
//!
//! Nothing here knows HTTP: [`Asked`] writes a request, [`Authority`] judges an answer. Parsing is `der`'s and `x509-cert`'s, the
//! chain and every signature are verified by `webpki` with `aws-lc-rs`. No revocation is asked for: a certificate that its
//! authority took back is believed until the trusted file changes.

mod asn1;
mod check;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod kept;
mod request;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use check::Authority;
pub use kept::{JudgedStamp, KeptStamps, STAMP_FILE_BYTES_MAX, StampFiles, missing, newest};
pub use request::{Asked, Policy};

pub(crate) use kept::{is_name, judge};
use std::time::Duration;

/// An authority's answer, with the certificates in it, at most.
pub const RESPONSE_BYTES_MAX: u64 = 64 * 1024;
/// How far the authority's clock may be from ours when it stamps.
pub const CLOCKS_APART_MAX: Duration = Duration::from_secs(300);

/// What an authority vouched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamped {
    /// When, in seconds since 1970, by its clock.
    pub seconds: u64,
}

/// Why a stamp is not believed, or an authority not either.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StampError {
    /// The trusted file holds no usable certificate.
    #[error("the trusted certificates cannot be used: {0}")]
    Trust(String),
    /// The answer is not one.
    #[error("it is not an answer of RFC 3161 in DER ({0})")]
    Malformed(String),
    /// The authority stamps nothing.
    #[error("the authority refuses (status {status}): {said}")]
    Refused {
        /// Its status.
        status: u64,
        /// Its words, cut.
        said: String,
    },
    /// It answers another request.
    #[error("it answers another request: the nonce differs")]
    Nonce,
    /// It stamps something else.
    #[error("it stamps something else than this checkpoint")]
    Imprint,
    /// It follows another policy.
    #[error("it is stamped under the policy {0}, which is not the one asked for")]
    Policy(String),
    /// Its signature fails, or does not name its certificate.
    #[error("its signature does not hold: {0}")]
    Signature(&'static str),
    /// No trusted authority made the certificate, or it had ended.
    #[error("no trusted authority vouches for who signed it: {0}")]
    Chain(String),
    /// The certificate is not one for time stamps alone.
    #[error("who signed it may not stamp: {0}")]
    Usage(&'static str),
    /// The clocks differ too much.
    #[error("its clock is {0} seconds from ours, 300 at most are borne")]
    Clock(u64),
}

//! Nonces of terms: drawn when terms are shown, good for ten minutes for the same person, act and object, kept nowhere.
//! Eight bytes of end, eight drawn at random, sixteen of a tag. Whoever keeps the signature sees that it serves once.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use identity::signed::Nonce;
use std::time::Duration;
use types::Time;
use vault::{Keys, Purpose, VaultError, random};

/// How long somebody may read before he signs.
pub const GOOD_FOR: Duration = Duration::from_secs(600);

/// Draws a nonce for what `bound` names.
pub fn draw(keys: &Keys, bound: &[&[u8]], now: Time) -> Result<Nonce, VaultError> {
    let mut nonce = [0; 32];
    let end = (now + GOOD_FOR).micros().to_be_bytes();
    let drawn: [u8; 8] = random()?;
    let head: Vec<u8> = [end, drawn].concat();
    let tag = tag(keys, &head, bound)?;
    nonce.iter_mut().zip(head.into_iter().chain(tag)).for_each(|(to, from)| *to = from);
    Ok(nonce)
}

/// Whether this nonce was drawn here, for this, and not too long ago.
pub fn is_good(keys: &Keys, nonce: &Nonce, bound: &[&[u8]], now: Time) -> bool {
    let Some((head, held)) = nonce.split_at_checked(16) else { return false };
    let Some(end) = head.first_chunk() else { return false };
    let fresh = now < Time::from_micros(i64::from_be_bytes(*end));
    let right = tag(keys, head, bound).is_ok_and(|tag| verify_slices_are_equal(&tag, held).is_ok());
    fresh && right
}

/// First moment at which it is good no more.
pub fn end(nonce: &Nonce) -> Time {
    let head = nonce.first_chunk().copied().unwrap_or_default();
    Time::from_micros(i64::from_be_bytes(head))
}

fn tag(keys: &Keys, head: &[u8], bound: &[&[u8]]) -> Result<[u8; 16], VaultError> {
    let parts: Vec<&[u8]> = [head].into_iter().chain(bound.iter().copied()).collect();
    let token = keys.token(Purpose::InterventionNonces, &parts)?;
    let mut tag = [0; 16];
    tag.iter_mut().zip(token).for_each(|(to, from)| *to = from);
    Ok(tag)
}

#[cfg(test)]
#[path = "nonce_tests.rs"]
mod tests;

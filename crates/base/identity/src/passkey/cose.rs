//! Keys as authenticators write them (COSE, RFC 9053): two kinds, one way to write each.

use super::BadRegistration;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ED25519, ParsedPublicKey, UnparsedPublicKey};
use minicbor::Decoder;

/// A passkey's public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PasskeyKey {
    /// A point of P-256, uncompressed (65 bytes, the first is 4): ES256.
    P256([u8; 65]),
    /// Ed25519.
    Ed25519([u8; 32]),
}

/// Before a P-256 point's two coordinates: a map of five (kty 2, alg -7, crv 1), then x, and between them the head of y.
const P256_HEAD: [u8; 10] = [0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20];
const P256_MIDDLE: [u8; 3] = [0x22, 0x58, 0x20];
/// Before an Ed25519 key: a map of four (kty 1, alg -8, crv 6), then x.
const ED25519_HEAD: [u8; 10] = [0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21, 0x58, 0x20];

/// The points of small order: for such a "key" signatures can be made without any secret. Without the sign bit.
const SMALL_ORDER: [[u8; 32]; 7] = {
    let mut zero = [0; 32];
    let mut one = [0; 32];
    one[0] = 1;
    let mut minus_one = [0xff; 32];
    minus_one[0] = 0xec;
    minus_one[31] = 0x7f;
    let (mut p, mut p_plus_one) = (minus_one, minus_one);
    p[0] = 0xed;
    p_plus_one[0] = 0xee;
    zero[0] = 0;
    [
        zero,
        one,
        [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
            0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
        ],
        [
            0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
            0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
        ],
        minus_one,
        p,
        p_plus_one,
    ]
};

impl PasskeyKey {
    /// Reads a COSE key; nothing may follow it, and it must be written in the one canonical way (CTAP 2 asks that of
    /// every authenticator).
    pub fn from_cose(bytes: &[u8]) -> Result<Self, BadRegistration> {
        let key = if let Some(rest) = bytes.strip_prefix(&P256_HEAD) {
            let (x, rest) = rest.split_first_chunk::<32>().ok_or(BadRegistration::Malformed)?;
            let y: &[u8; 32] =
                rest.strip_prefix(&P256_MIDDLE).and_then(|y| y.try_into().ok()).ok_or(BadRegistration::Malformed)?;
            let mut point = [4; 65];
            let (_, coordinates) = point.split_first_mut().ok_or(BadRegistration::Malformed)?;
            coordinates.copy_from_slice(&[*x, *y].concat());
            PasskeyKey::P256(point)
        } else if let Some(rest) = bytes.strip_prefix(&ED25519_HEAD) {
            PasskeyKey::Ed25519(rest.try_into().map_err(|_| BadRegistration::Malformed)?)
        } else {
            // A well-formed key of another kind is told apart: the page can say what to do about it.
            let other = Decoder::new(bytes).map().is_ok();
            return Err(if other { BadRegistration::Algorithm } else { BadRegistration::Malformed });
        };
        key.is_sound().then_some(key).ok_or(BadRegistration::Algorithm)
    }

    /// The one way to write it.
    pub fn to_cose(&self) -> Vec<u8> {
        match self {
            PasskeyKey::P256(point) => {
                let coordinates = point.get(1..).unwrap_or_default();
                let (x, y) = coordinates.split_at_checked(32).unwrap_or_default();
                [&P256_HEAD, x, &P256_MIDDLE, y].concat()
            }
            PasskeyKey::Ed25519(key) => [ED25519_HEAD.as_slice(), key].concat(),
        }
    }

    /// A point of its curve, and not one that signs without a secret.
    fn is_sound(&self) -> bool {
        match self {
            PasskeyKey::P256(point) => ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).is_ok(),
            PasskeyKey::Ed25519(key) => {
                let mut bare = *key;
                if let Some(last) = bare.last_mut() {
                    *last &= 0x7f;
                }
                !SMALL_ORDER.contains(&bare) && ParsedPublicKey::new(&ED25519, key).is_ok()
            }
        }
    }

    /// Whether this key signed these bytes.
    pub(super) fn signed(&self, bytes: &[u8], signature: &[u8]) -> bool {
        let verified = match self {
            PasskeyKey::P256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(bytes, signature),
            PasskeyKey::Ed25519(key) => UnparsedPublicKey::new(&ED25519, key).verify(bytes, signature),
        };
        verified.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_points_of_small_order_are_what_they_are_called() {
        // With R the identity and S zero, a signature is right for such a key whenever the hash's multiple of it vanishes:
        // one message in eight at least. For a sound key, never.
        let mut forged = [0; 64];
        if let Some(first) = forged.first_mut() {
            *first = 1;
        }
        for point in SMALL_ORDER {
            assert!(!PasskeyKey::Ed25519(point).is_sound());
            let mut signed_bit = point;
            signed_bit[31] |= 0x80;
            assert!(!PasskeyKey::Ed25519(signed_bit).is_sound());
            let key = PasskeyKey::Ed25519(point);
            // Those written in more than one way are refused by the library itself, or verify like their canonical form.
            let forgeries = (0..256_u32).filter(|n| key.signed(&n.to_be_bytes(), &forged)).count();
            let canonical = !matches!(point[0], 0xed | 0xee);
            assert!(forgeries > 0 || !canonical, "{point:02x?}");
        }
    }
}

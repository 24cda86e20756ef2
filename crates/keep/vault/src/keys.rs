//! Sealing and opening small values, and keyed tokens.

use crate::{Access, Holder, Purpose, VaultError, access};
use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    hkdf, hmac, rand,
};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

const VERSION: u8 = 1;
const NONCE: usize = 12;
const TAG: usize = 16;
const WRAPPED: usize = NONCE + 32 + TAG;

/// Where a sealed value belongs. Opening it anywhere else fails.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The row's key, with all that must not be exchanged around it (the account of a relation, for instance).
    pub row: &'a [&'a [u8]],
}

impl Place<'_> {
    pub(crate) fn associated(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        let parts = [self.table.as_bytes(), self.column.as_bytes()];
        for part in parts.iter().chain(self.row) {
            bytes.extend((part.len() as u64).to_be_bytes());
            bytes.extend(*part);
        }
        bytes
    }
}

/// `N` bytes from the operating system's generator.
pub fn random<const N: usize>() -> Result<[u8; N], VaultError> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| VaultError::Library("no randomness"))?;
    Ok(bytes)
}

/// The keys that one holder may use: those only, derived once. The master key is not in here.
pub struct Keys {
    holder: Holder,
    held: BTreeMap<Purpose, Zeroizing<[u8; 32]>>,
}

impl Keys {
    pub(crate) fn new(holder: Holder, root: &hkdf::Prk) -> Self {
        let allowed = Purpose::all().into_iter().filter(|purpose| access(holder, *purpose) == Access::Full);
        let held = allowed.filter_map(|purpose| Some((purpose, derived(root, purpose)?))).collect();
        Self { holder, held }
    }

    /// The 32 bytes of a purpose's key, for the few that need it bare: door keys, the journal's signing seed.
    pub fn bare(&self, purpose: Purpose) -> Result<Zeroizing<[u8; 32]>, VaultError> {
        self.key(purpose, "use").cloned()
    }

    fn key(&self, purpose: Purpose, wanted: &'static str) -> Result<&Zeroizing<[u8; 32]>, VaultError> {
        self.held.get(&purpose).ok_or(VaultError::NotYours { holder: self.holder, wanted, purpose })
    }

    /// Seals a value in its place: a data key of its own, wrapped by the purpose's key.
    /// Layout: version, wrapped data key (nonce, key, tag), nonce, value, tag.
    pub fn seal(&self, purpose: Purpose, place: Place<'_>, value: &[u8]) -> Result<Vec<u8>, VaultError> {
        let associated = place.associated();
        let data_key = Zeroizing::new(random::<32>()?);
        let mut sealed = vec![VERSION];
        sealed.extend(seal_with(self.key(purpose, "seal")?, &associated, data_key.as_slice())?);
        sealed.extend(seal_with(&data_key, &associated, value)?);
        Ok(sealed)
    }

    /// Opens what [`Keys::seal`] made, in the same place.
    pub fn open(&self, purpose: Purpose, place: Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let associated = place.associated();
        let (version, rest) = sealed.split_first().ok_or(VaultError::DoesNotOpen)?;
        let (wrapped, body) = rest.split_at_checked(WRAPPED).ok_or(VaultError::DoesNotOpen)?;
        if *version != VERSION {
            return Err(VaultError::DoesNotOpen);
        }
        let data_key = open_with(self.key(purpose, "open")?, &associated, wrapped)?;
        let data_key: Zeroizing<[u8; 32]> =
            Zeroizing::new(data_key.as_slice().try_into().map_err(|_| VaultError::DoesNotOpen)?);
        open_with(&data_key, &associated, body)
    }

    /// A keyed token by which a value is found without being kept in clear.
    pub fn token(&self, purpose: Purpose, parts: &[&[u8]]) -> Result<[u8; 32], VaultError> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.key(purpose, "compute tokens of")?.as_slice());
        let mut context = hmac::Context::with_key(&key);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut token = [0; 32];
        token.copy_from_slice(context.sign().as_ref());
        Ok(token)
    }
}

/// HKDF-SHA-256 with the purpose's label as info. It fails for no length that is asked here.
fn derived(root: &hkdf::Prk, purpose: Purpose) -> Option<Zeroizing<[u8; 32]>> {
    let label = purpose.label();
    let info = [b"purpose:".as_slice(), label.as_bytes()];
    let mut key = Zeroizing::new([0; 32]);
    root.expand(&info, hkdf::HKDF_SHA256).and_then(|okm| okm.fill(key.as_mut_slice())).ok()?;
    Some(key)
}

fn gcm(key: &[u8; 32]) -> Result<LessSafeKey, VaultError> {
    Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).map_err(|_| VaultError::Library("AES key"))?))
}

pub(crate) fn seal_with(key: &[u8; 32], associated: &[u8], value: &[u8]) -> Result<Vec<u8>, VaultError> {
    let nonce: [u8; NONCE] = random()?;
    let mut body = value.to_vec();
    gcm(key)?
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(associated), &mut body)
        .map_err(|_| VaultError::Library("sealing"))?;
    let mut sealed = nonce.to_vec();
    sealed.append(&mut body);
    Ok(sealed)
}

pub(crate) fn open_with(key: &[u8; 32], associated: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let (nonce, body) = sealed.split_at_checked(NONCE).ok_or(VaultError::DoesNotOpen)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| VaultError::DoesNotOpen)?;
    let mut body = Zeroizing::new(body.to_vec());
    let length = gcm(key)?
        .open_in_place(nonce, Aad::from(associated), body.as_mut_slice())
        .map_err(|_| VaultError::DoesNotOpen)?
        .len();
    body.truncate(length);
    Ok(body)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;
    use types::Door;

    fn keys(holder: Holder) -> Keys {
        Keys::new(holder, &hkdf::Salt::new(hkdf::HKDF_SHA256, b"t").extract(&[7; 32]))
    }

    const PLACE: Place<'static> = Place { table: "accounts", column: "sealed", row: &[b"one"] };

    #[test]
    fn sealed_values_open_only_in_their_place() {
        let keys = keys(Holder::Door(Door::Portal));
        let sealed = keys.seal(Purpose::AccountFields, PLACE, b"secret").unwrap();
        assert_eq!(keys.open(Purpose::AccountFields, PLACE, &sealed).unwrap().as_slice(), b"secret");
        for place in [
            Place { table: "patients", ..PLACE },
            Place { column: "other", ..PLACE },
            Place { row: &[b"two"], ..PLACE },
            Place { row: &[b"on", b"e"], ..PLACE },
        ] {
            assert!(keys.open(Purpose::AccountFields, place, &sealed).is_err(), "{place:?}");
        }
        assert!(keys.open(Purpose::RelationFields, PLACE, &sealed).is_err());
    }

    #[test]
    fn a_holder_has_its_own_keys_only() {
        let journal = keys(Holder::Journal);
        assert!(matches!(journal.seal(Purpose::AccountFields, PLACE, b""), Err(VaultError::NotYours { .. })));
        assert!(matches!(journal.bare(Purpose::JournalReading), Err(VaultError::NotYours { .. })));
        let portal = keys(Holder::Door(Door::Portal));
        assert!(portal.bare(Purpose::SessionTags(Door::Portal)).is_ok());
        assert!(portal.bare(Purpose::SessionTags(Door::Desk)).is_err());
        assert!(portal.token(Purpose::PatientTokens, &[b"x"]).is_err(), "a door cannot look patients up by number");
        assert!(portal.bare(Purpose::JournalSigning).is_err());
        for holder in [Holder::Journal, Holder::Enrolment, portal.holder] {
            assert!(keys(holder).bare(Purpose::JournalReading).is_err(), "who writes traces cannot read them");
        }
    }

    #[test]
    fn tokens_depend_on_purpose_and_parts() {
        let keys = keys(Holder::Door(Door::Portal));
        let token = |purpose, parts: &[&[u8]]| keys.token(purpose, parts).unwrap();
        assert_eq!(token(Purpose::LoginTokens, &[b"a"]), token(Purpose::LoginTokens, &[b"a"]));
        assert_ne!(token(Purpose::LoginTokens, &[b"a"]), token(Purpose::FailureTokens, &[b"a"]));
        assert_ne!(token(Purpose::LoginTokens, &[b"ab"]), token(Purpose::LoginTokens, &[b"a", b"b"]));
    }

    proptest! {
        #[test]
        fn any_changed_byte_is_noticed(value in prop::collection::vec(any::<u8>(), 0..200), at in any::<usize>(), flip in 1_u8..) {
            let keys = keys(Holder::Enrolment);
            let mut sealed = keys.seal(Purpose::PatientFields, PLACE, &value).unwrap();
            let at = at % sealed.len();
            sealed[at] ^= flip;
            prop_assert!(keys.open(Purpose::PatientFields, PLACE, &sealed).is_err());
            sealed.truncate(at);
            prop_assert!(keys.open(Purpose::PatientFields, PLACE, &sealed).is_err());
        }
    }
}

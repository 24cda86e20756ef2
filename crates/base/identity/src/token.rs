//! Tokens of the JSON interfaces: what a program holds in place of a person's session. A record authenticated by the
//! door's key says whose, for what, until when and from where; the text holds the secret, the record its digest only.

use crate::{Assurance, Authenticated, DoorKey, authenticated::Person, session::digest_of};
use aws_lc_rs::constant_time;
use minicbor::{Decode, Encode};
use std::{collections::BTreeSet, str::FromStr};
use types::{AccountId, Cidr, ClientAddress, EstablishmentId, Role, Secret, SessionId, Time, TokenId, TokenScope};

/// So that a token left somewhere is recognized for what it is.
const PREFIX: &str = "pot_";

/// A token's text: `pot_`, 26 base32 characters and 64 hexadecimal digits.
pub struct ApiToken {
    id: TokenId,
    secret: Secret<[u8; 32]>,
}

impl ApiToken {
    /// Which token it claims to be.
    pub fn id(&self) -> TokenId {
        self.id
    }

    /// The text, to be given once.
    pub fn to_text(&self) -> Secret<String> {
        let hex: String = self.secret.expose().iter().map(|b| format!("{b:02x}")).collect();
        Secret::new(format!("{PREFIX}{}{hex}", self.id))
    }
}

impl FromStr for ApiToken {
    type Err = NotHonored;
    fn from_str(text: &str) -> Result<Self, NotHonored> {
        let text = text.strip_prefix(PREFIX).ok_or(NotHonored::Malformed)?;
        let (id, hex) = text.split_at_checked(26).ok_or(NotHonored::Malformed)?;
        let id = id.parse().map_err(|_| NotHonored::Malformed)?;
        let secret = crate::session::secret_of(hex).ok_or(NotHonored::Malformed)?;
        Ok(Self { id, secret: Secret::new(secret) })
    }
}

/// Why a token is not honored. For the journal; whoever shows it is told only that it is not good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotHonored {
    /// Not a token.
    #[error("the token is malformed")]
    Malformed,
    /// The record was not written by this door, or was changed.
    #[error("the token's record is not authentic")]
    Forged,
    /// The secret is another one.
    #[error("the token does not match")]
    WrongToken,
    /// Past its end.
    #[error("the token reached its end")]
    Ended,
    /// Shown from somewhere else than it may be.
    #[error("the token is shown from outside its addresses")]
    Elsewhere,
}

/// What a token is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenTerms {
    /// Whose.
    pub account: AccountId,
    /// Where the account is held.
    pub establishment: EstablishmentId,
    /// In what role.
    pub role: Role,
    /// For what, at most.
    pub scopes: BTreeSet<TokenScope>,
    /// First moment at which it is refused.
    pub expires: Time,
    /// Where from; empty: from anywhere that the door answers.
    pub sources: Vec<Cidr>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct Record {
    #[cbor(n(0), with = "minicbor::bytes")]
    id: [u8; 16],
    #[cbor(n(1), with = "minicbor::bytes")]
    account: [u8; 16],
    #[cbor(n(2), with = "minicbor::bytes")]
    establishment: [u8; 16],
    #[n(3)]
    role: String,
    #[cbor(n(4), with = "minicbor::bytes")]
    secret_digest: [u8; 32],
    #[n(5)]
    issued: i64,
    #[n(6)]
    expires: i64,
    #[n(7)]
    scopes: Vec<String>,
    #[n(8)]
    sources: Vec<String>,
}

/// A token as kept: opaque bytes and the door's tag over them. Whoever can write the table can delete a token, not make
/// or change one.
pub struct StoredToken {
    bytes: Vec<u8>,
    tag: Vec<u8>,
}

impl StoredToken {
    /// Takes back what was kept; nothing is believed before the tag is checked.
    pub fn from_parts(bytes: Vec<u8>, tag: Vec<u8>) -> Self {
        Self { bytes, tag }
    }

    /// The bytes and the tag, to be kept.
    pub fn parts(&self) -> (&[u8], &[u8]) {
        (&self.bytes, &self.tag)
    }

    fn authentic(&self, key: &DoorKey) -> Result<Record, NotHonored> {
        if !key.tag_matches("token", &self.bytes, &self.tag) {
            return Err(NotHonored::Forged);
        }
        minicbor::decode(&self.bytes).map_err(|_| NotHonored::Forged)
    }

    /// What the record says, for its holder's list; it opens nothing.
    pub fn terms(&self, key: &DoorKey) -> Result<(TokenTerms, Time), NotHonored> {
        let record = self.authentic(key)?;
        let issued = Time::from_micros(record.issued);
        Ok((terms_of(&record)?, issued))
    }
}

fn terms_of(record: &Record) -> Result<TokenTerms, NotHonored> {
    let scopes = record.scopes.iter().map(|word| word.parse().map_err(|()| NotHonored::Forged));
    let sources = record.sources.iter().map(|text| text.parse().map_err(|_| NotHonored::Forged));
    Ok(TokenTerms {
        account: AccountId::from_bytes(record.account),
        establishment: EstablishmentId::from_bytes(record.establishment),
        role: record.role.parse().map_err(|()| NotHonored::Forged)?,
        scopes: scopes.collect::<Result<_, _>>()?,
        expires: Time::from_micros(record.expires),
        sources: sources.collect::<Result<_, _>>()?,
    })
}

/// Makes a token, with an identifier and 32 secret bytes that the caller drew at random.
pub fn issue_token(
    terms: &TokenTerms,
    key: &DoorKey,
    (id, secret): (TokenId, [u8; 32]),
    now: Time,
) -> (StoredToken, ApiToken) {
    let record = Record {
        id: *id.as_bytes(),
        account: *terms.account.as_bytes(),
        establishment: *terms.establishment.as_bytes(),
        role: terms.role.as_str().to_owned(),
        secret_digest: digest_of(&secret),
        issued: now.micros(),
        expires: terms.expires.micros(),
        scopes: terms.scopes.iter().map(ToString::to_string).collect(),
        sources: terms.sources.iter().map(ToString::to_string).collect(),
    };
    // Writing to a Vec cannot fail.
    let bytes = minicbor::to_vec(&record).unwrap_or_default();
    let tag = key.tag("token", &bytes).to_vec();
    (StoredToken { bytes, tag }, ApiToken { id, secret: Secret::new(secret) })
}

/// Honors a stored token for one request from `address`: the proof that it gives, and what it is for. The proof's session
/// is the token's own identifier, so that each trace names the token by which something was done.
pub fn honor_token(
    stored: &StoredToken,
    token: &ApiToken,
    key: &DoorKey,
    address: ClientAddress,
    now: Time,
) -> Result<(Authenticated, TokenTerms), NotHonored> {
    let record = stored.authentic(key)?;
    let digest = digest_of(token.secret.expose());
    let same_secret = constant_time::verify_slices_are_equal(&digest, &record.secret_digest).is_ok();
    if !same_secret || record.id != *token.id.as_bytes() {
        return Err(NotHonored::WrongToken);
    }
    let terms = terms_of(&record)?;
    if now >= terms.expires {
        return Err(NotHonored::Ended);
    }
    if !terms.sources.is_empty() && !terms.sources.iter().any(|range| range.contains(address)) {
        return Err(NotHonored::Elsewhere);
    }
    let person = Person {
        account: terms.account,
        establishment: terms.establishment,
        role: terms.role,
        door: key.door(),
        session: SessionId::from_bytes(*token.id.as_bytes()),
        address,
        assurance: Assurance::Token,
        since: None,
        session_ends: terms.expires,
    };
    Ok((Authenticated::person(person, now), terms))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;
    use types::Door;

    const NOW: Time = Time::from_micros(1_790_000_000_000_000);

    fn key(door: Door) -> DoorKey {
        DoorKey::new(door, &[9; 32])
    }

    fn at(text: &str) -> ClientAddress {
        ClientAddress::new(text.parse().unwrap())
    }

    fn issued() -> (StoredToken, ApiToken) {
        let terms = TokenTerms {
            account: AccountId::from_bytes([1; 16]),
            establishment: EstablishmentId::from_bytes([2; 16]),
            role: Role::Beneficiary,
            scopes: [TokenScope::InterventionsRead, TokenScope::SessionsCut].into(),
            expires: NOW + Duration::from_secs(3600),
            sources: vec!["192.0.2.0/24".parse().unwrap(), "2001:db8::/32".parse().unwrap()],
        };
        issue_token(&terms, &key(Door::Desk), (TokenId::from_bytes([3; 16]), [4; 32]), NOW)
    }

    #[test]
    fn a_token_is_honored_at_its_door_from_its_addresses_until_its_end() {
        let (stored, token) = issued();
        let token: ApiToken = token.to_text().expose().parse().unwrap();
        let honored = |door, address: &str, after: u64| {
            honor_token(&stored, &token, &key(door), at(address), NOW + Duration::from_secs(after))
        };
        let (who, terms) = honored(Door::Desk, "192.0.2.9", 0).unwrap();
        assert_eq!(
            (who.assurance(), who.door(), who.role()),
            (Assurance::Token, Some(Door::Desk), Some(Role::Beneficiary))
        );
        assert_eq!(who.session(), Some(SessionId::from_bytes([3; 16])));
        assert_eq!(terms, stored.terms(&key(Door::Desk)).unwrap().0);
        assert!(honored(Door::Desk, "2001:db8:9::1", 3599).is_ok());
        let (near_the_end, _) = honored(Door::Desk, "192.0.2.9", 3590).unwrap();
        assert_eq!(near_the_end.expires(), NOW + Duration::from_secs(3600), "the proof ends with the token");
        for (door, address, after, why) in [
            (Door::Suppliers, "192.0.2.9", 0, NotHonored::Forged),
            (Door::Desk, "198.51.100.1", 0, NotHonored::Elsewhere),
            (Door::Desk, "192.0.2.9", 3600, NotHonored::Ended),
        ] {
            assert_eq!(honored(door, address, after).err(), Some(why));
        }
        let other = ApiToken { id: token.id, secret: Secret::new([5; 32]) };
        let refused = honor_token(&stored, &other, &key(Door::Desk), at("192.0.2.9"), NOW).err();
        assert_eq!(refused, Some(NotHonored::WrongToken));
        let other = ApiToken { id: TokenId::from_bytes([9; 16]), secret: Secret::new([4; 32]) };
        let refused = honor_token(&stored, &other, &key(Door::Desk), at("192.0.2.9"), NOW).err();
        assert_eq!(refused, Some(NotHonored::WrongToken));
    }

    #[test]
    fn what_is_not_a_token_is_not_read() {
        let good = issued().1.to_text().expose().clone();
        for bad in ["", "pot_", &good[4..], &good.to_uppercase(), &good[..good.len() - 1], &format!("{good}0"), "pot_é"]
        {
            assert_eq!(ApiToken::from_str(bad).err(), Some(NotHonored::Malformed), "{bad}");
        }
    }

    #[test]
    fn a_session_is_no_token_and_a_token_no_session() {
        let (stored, token) = issued();
        let (bytes, tag) = stored.parts();
        let session = crate::StoredSession::from_parts(bytes.to_vec(), tag.to_vec());
        let text = token.to_text().expose().trim_start_matches(PREFIX).to_owned();
        let refused = crate::resume(&session, &text.parse().unwrap(), &key(Door::Desk), at("192.0.2.9"), NOW).err();
        assert_eq!(refused, Some(crate::NotResumed::Forged));
    }

    proptest! {
        #[test]
        fn any_changed_byte_is_a_forgery(position in 0_usize..4096, flip in 1_u8..=255) {
            let (stored, token) = issued();
            let (mut bytes, mut tag) = (stored.bytes, stored.tag);
            let position = position % (bytes.len() + tag.len());
            match bytes.get_mut(position) {
                Some(byte) => *byte ^= flip,
                None => { let at = position - bytes.len(); tag[at] ^= flip; }
            }
            let stored = StoredToken::from_parts(bytes, tag);
            let refused = honor_token(&stored, &token, &key(Door::Desk), at("192.0.2.9"), NOW).err();
            prop_assert_eq!(refused, Some(NotHonored::Forged));
        }
    }
}

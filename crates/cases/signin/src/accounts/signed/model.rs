//! What two people sign when a right that gives rights is given, and what is kept of it.

use crate::model::{AccountRow, AccountSecrets};
use identity::{
    passkey::Assertion,
    signed::{Challenge, KeptAssertion, Nonce, TermsToSign, as_text, challenge, enveloped},
    vouching::{Chain, NotTrusted, PasskeyRow, Pinned},
};
use minicbor::{Decode, Encode};
use serde::{Serialize, Serializer};
use types::{AccountId, EstablishmentId, IdentityProof, LinkId, Role, Time};

/// Who may sign first: whoever may draw a link.
const FIRST: &[Role] = &[Role::Administrator];
/// Who may sign second: whoever may confirm one.
const SECOND: &[Role] = &[Role::Administrator, Role::SecurityOfficer];

/// The right that a link gives, as two people sign it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RightTerms {
    /// Where.
    #[serde(serialize_with = "as_text")]
    pub establishment: EstablishmentId,
    /// To which account.
    #[serde(serialize_with = "as_text")]
    pub account: AccountId,
    /// What its holder types.
    pub login: String,
    /// His name.
    pub name: String,
    /// What the account is for.
    #[serde(serialize_with = "as_text")]
    pub role: Role,
    /// By which link.
    #[serde(serialize_with = "as_text")]
    pub link: LinkId,
    /// How many times his means were given by a link before: these take their place.
    pub renewal: u32,
    /// How his identity was verified.
    #[serde(serialize_with = "as_text")]
    pub proof: IdentityProof,
    /// Where his mail goes once the link served, if it goes anywhere.
    pub mail: Option<String>,
    /// First moment at which the link no longer serves.
    #[serde(serialize_with = "moment")]
    pub expires: Time,
}

/// RFC 3339, in universal time.
fn moment<S: Serializer>(time: &Time, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&jiff::Timestamp::from_microsecond(time.micros()).unwrap_or(jiff::Timestamp::UNIX_EPOCH))
}

impl RightTerms {
    /// The canonical bytes, with this nonce.
    pub(super) fn bytes(&self, nonce: &Nonce) -> Vec<u8> {
        enveloped("right", nonce, None, self)
    }

    /// What both passkeys sign.
    pub(crate) fn challenge(&self, nonce: &Nonce) -> Challenge {
        challenge(&self.bytes(nonce))
    }
}

/// A right, to be read by a person and signed by his passkey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RightToSign {
    /// What is signed.
    pub right: RightTerms,
    /// The same, as it is signed.
    pub terms: TermsToSign,
    /// What the reader lacks to sign, if he does.
    pub lacks: Option<LacksKey>,
    /// Who signed before him.
    pub first: Option<AccountId>,
}

/// Why nothing of somebody's signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LacksKey {
    /// He has no passkey.
    None,
    /// Nobody vouched for those that he has.
    Vouch,
}

/// Somebody's signature over a right, as the page gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RightSigned {
    /// See [`TermsToSign::nonce`].
    pub nonce: String,
    /// What the passkey answered.
    pub assertion: Assertion,
}

/// By whose signatures somebody's means of today were given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RightGiven {
    /// No administrator's key is pinned here: two people confirm, and nobody can sign.
    Confirmed,
    /// By none: they are of before signatures were asked for, or of the operator's commands.
    Unsigned,
    /// By these two people's.
    Signed {
        /// Who drew the link.
        first: AccountId,
        /// Who confirmed it.
        second: AccountId,
        /// Whether both signatures verify today.
        holds: bool,
    },
}

/// One signature, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct SignedBy {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub account: [u8; 16],
    #[n(1)]
    pub assertion: KeptAssertion,
}

impl SignedBy {
    pub(crate) fn new(account: AccountId, assertion: &Assertion) -> Self {
        Self { account: *account.as_bytes(), assertion: assertion.into() }
    }

    pub(crate) fn account(&self) -> AccountId {
        AccountId::from_bytes(self.account)
    }
}

/// The signatures under a link, as they are kept with it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct LinkSigned {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub nonce: [u8; 32],
    #[n(1)]
    pub proof: String,
    #[n(2)]
    pub first: SignedBy,
    #[n(3)]
    pub second: Option<SignedBy>,
}

/// What was signed for the means that an account has now, kept with it once the link served.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Given {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub link: [u8; 16],
    #[n(1)]
    pub login: String,
    #[n(2)]
    pub name: String,
    #[n(3)]
    pub renewal: u32,
    #[n(4)]
    pub mail: Option<String>,
    #[n(5)]
    pub expires: i64,
    #[n(6)]
    pub signed: LinkSigned,
    /// How often its holder changed his means himself since: the right is the same.
    #[n(7)]
    pub own: Option<u32>,
}

impl Given {
    /// What is kept of these terms.
    pub(crate) fn new(terms: RightTerms, signed: LinkSigned) -> Self {
        let (link, expires) = (*terms.link.as_bytes(), terms.expires.micros());
        Self {
            link,
            login: terms.login,
            name: terms.name,
            renewal: terms.renewal,
            mail: terms.mail,
            expires,
            signed,
            own: None,
        }
    }

    /// The terms again, of that account: a signature for another one's, or another role, does not fit them.
    pub(crate) fn terms(&self, account: &AccountRow) -> Option<RightTerms> {
        Some(RightTerms {
            establishment: account.establishment,
            account: account.id,
            login: self.login.clone(),
            name: self.name.clone(),
            role: account.role,
            link: LinkId::from_bytes(self.link),
            renewal: self.renewal,
            proof: self.signed.proof.parse().ok()?,
            mail: self.mail.clone(),
            expires: Time::from_micros(self.expires),
        })
    }

    /// Whether it is of the means that the account has now.
    pub(crate) fn is_of(&self, secrets: &AccountSecrets) -> bool {
        secrets.renewals.unwrap_or(0) == self.renewal.saturating_add(1).saturating_add(self.own.unwrap_or(0))
    }
}

/// Why a right is not signed: the exact reason, for the trace, never for a stranger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unsigned {
    /// Nobody signed, or only one.
    #[error("it takes two signatures")]
    Missing,
    /// The same person, or passkey, twice.
    #[error("one person signed twice")]
    Twice,
    /// Whoever the right is for.
    #[error("somebody signed for himself")]
    Oneself,
    /// The passkey that signed is somebody else's.
    #[error("a passkey signed that is not the signer's")]
    OthersKey,
    /// His role does not give rights.
    #[error("somebody signed whose role does not give rights")]
    Role,
    /// Other terms, another link, account or establishment, or forged.
    #[error("a signature does not fit what stands here (forged, for something else, or changed since)")]
    Forged,
    /// A signer's account is not in use any more.
    #[error("somebody who signed is not in charge any more")]
    Gone,
    /// The passkey does not count.
    #[error(transparent)]
    Key(#[from] NotTrusted),
}

/// Verifies signatures over a right, against passkeys that lead to a pinned key. Pure; none of the rows is believed.
pub(crate) struct Verifier<'a> {
    chain: Chain<'a>,
    terms: &'a RightTerms,
    challenge: Challenge,
}

impl<'a> Verifier<'a> {
    pub(crate) fn new(pinned: &'a Pinned, rows: &'a [PasskeyRow], (terms, nonce): (&'a RightTerms, &Nonce)) -> Self {
        let challenge = terms.challenge(nonce);
        Self { chain: Chain::new(pinned, terms.establishment, rows), terms, challenge }
    }

    fn one(&self, by: &SignedBy, roles: &[Role]) -> Result<(), Unsigned> {
        if by.account() == self.terms.account {
            return Err(Unsigned::Oneself);
        }
        let key = self.chain.trusted(&by.assertion.credential)?;
        if key.account != by.account() {
            return Err(Unsigned::OthersKey);
        }
        if !roles.contains(&key.role) {
            return Err(Unsigned::Role);
        }
        let signs = self.chain.signs(&self.challenge, key, &by.assertion.clone().into());
        if signs { Ok(()) } else { Err(Unsigned::Forged) }
    }

    /// The signature of whoever draws the link.
    pub(crate) fn first(&self, signed: &LinkSigned) -> Result<(), Unsigned> {
        self.one(&signed.first, FIRST)
    }

    /// Both signatures, of two people.
    pub(crate) fn both(&self, signed: &LinkSigned) -> Result<(), Unsigned> {
        let second = signed.second.as_ref().ok_or(Unsigned::Missing)?;
        let first = &signed.first;
        if first.account == second.account || first.assertion.credential == second.assertion.credential {
            return Err(Unsigned::Twice);
        }
        self.first(signed)?;
        self.one(second, SECOND)
    }
}

/// Whether somebody of that role may sign second: whoever may sign at all.
pub(super) fn signs_second(role: Role) -> bool {
    SECOND.contains(&role)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_bytes_never_change() {
        let terms = RightTerms {
            establishment: EstablishmentId::from_bytes([1; 16]),
            account: AccountId::from_bytes([2; 16]),
            login: "ines".into(),
            name: "Inès \"N\" Delmas".into(),
            role: Role::SecurityOfficer,
            link: LinkId::from_bytes([3; 16]),
            renewal: 1,
            proof: IdentityProof::InPerson,
            mail: None,
            expires: Time::from_micros(1_790_000_000_000_000),
        };
        let bytes = String::from_utf8(terms.bytes(&[9; 32])).unwrap();
        let nonce = "09".repeat(32);
        assert_eq!(
            bytes,
            format!(
                "{{\"poterne\":\"terms-v1\",\"kind\":\"right\",\"nonce\":\"{nonce}\",\"terms\":{{\
                 \"establishment\":\"{}\",\"account\":\"{}\",\"login\":\"ines\",\"name\":\"Inès \\\"N\\\" Delmas\",\
                 \"role\":\"security_officer\",\"link\":\"{}\",\"renewal\":1,\"proof\":\"in_person\",\"mail\":null,\
                 \"expires\":\"2026-09-21T14:13:20Z\"}}}}",
                terms.establishment, terms.account, terms.link
            )
        );
    }
}

//! Which passkeys count: those whose enrolment an administrator's passkey signed, and so on up to the keys pinned in
//! the node's configuration. Nothing here believes a row.

use crate::{
    passkey::{Assertion, PasskeyPublic, RelyingParty, verify_assertion},
    signed::{self, Challenge, KeptAssertion, Nonce},
};
use minicbor::{Decode, Encode};
use serde::Serialize;
use std::sync::{Arc, PoisonError, RwLock};
use types::{AccountId, EstablishmentId, Role};

/// Enrolments one behind the other at most, the pinned one included.
const CHAIN_MAX: usize = 8;

/// A key pinned in the node's configuration at installation: where every chain of enrolment begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinnedKey {
    /// The passkey's identifier.
    pub credential: Vec<u8>,
    /// Its public key, as COSE has it ([`crate::passkey::PasskeyKey::to_cose`]).
    pub public_key: Vec<u8>,
    /// Whose.
    pub account: AccountId,
    /// For what.
    pub role: Role,
    /// Where.
    pub establishment: EstablishmentId,
}

/// What a node trusts by its configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinned {
    /// The first keys.
    pub keys: Vec<PinnedKey>,
    /// Who the passkeys are for.
    pub rp: RelyingParty,
}

impl Pinned {
    /// Whether an establishment has an administrator's key: without one, nobody's passkey can be vouched for there.
    pub fn vouches_at(&self, establishment: EstablishmentId) -> bool {
        self.keys.iter().any(|key| key.role == Role::Administrator && key.establishment == establishment)
    }
}

/// The pinned keys as they stand: one is added while the node runs when the first administrator's link is used. Clones
/// are handles.
#[derive(Clone)]
pub struct Pins(Arc<RwLock<Arc<Pinned>>>);

impl Pins {
    /// Those of the configuration.
    pub fn new(pinned: Pinned) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(pinned))))
    }

    /// As they stand now.
    pub fn now(&self) -> Arc<Pinned> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds one: whoever calls has written it into the configuration first.
    pub fn add(&self, key: PinnedKey) {
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let mut pinned = Pinned::clone(&held);
        pinned.keys.push(key);
        *held = Arc::new(pinned);
    }
}

/// The signature under an enrolment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vouch {
    /// Of the terms.
    pub nonce: Nonce,
    /// What the voucher's passkey answered.
    pub assertion: Assertion,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct KeptVouch {
    #[cbor(n(0), with = "minicbor::bytes")]
    nonce: [u8; 32],
    #[n(1)]
    assertion: KeptAssertion,
}

impl Vouch {
    /// Bytes to keep beside the passkey.
    pub fn to_bytes(&self) -> Vec<u8> {
        minicbor::to_vec(KeptVouch { nonce: self.nonce, assertion: (&self.assertion).into() }).unwrap_or_default()
    }

    /// Reads what [`Vouch::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let kept: KeptVouch = minicbor::decode(bytes).ok()?;
        Some(Self { nonce: kept.nonce, assertion: kept.assertion.into() })
    }
}

/// A passkey, as its row has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyRow {
    /// Its public part.
    pub passkey: PasskeyPublic,
    /// Whose it is said to be.
    pub account: AccountId,
    /// In what role.
    pub role: Role,
    /// Where.
    pub establishment: EstablishmentId,
    /// Who signed for it.
    pub vouch: Option<Vouch>,
}

impl PasskeyRow {
    /// What is signed under its enrolment.
    pub fn enrol_terms(&self) -> EnrolTerms {
        EnrolTerms {
            account: self.account,
            role: self.role,
            establishment: self.establishment,
            credential: self.passkey.credential.clone(),
            public_key: self.passkey.public_key.to_cose(),
        }
    }
}

/// The enrolment of a passkey as it is signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EnrolTerms {
    /// Whose.
    #[serde(serialize_with = "signed::as_text")]
    pub account: AccountId,
    /// For what.
    #[serde(serialize_with = "signed::as_text")]
    pub role: Role,
    /// Where.
    #[serde(serialize_with = "signed::as_text")]
    pub establishment: EstablishmentId,
    /// Its identifier.
    #[serde(serialize_with = "signed::base64")]
    pub credential: Vec<u8>,
    /// Its public key, as it is kept.
    #[serde(serialize_with = "signed::base64")]
    pub public_key: Vec<u8>,
}

impl EnrolTerms {
    /// The canonical bytes, with this nonce.
    pub fn bytes(&self, nonce: &Nonce) -> Vec<u8> {
        signed::enveloped("enrol", nonce, None, self)
    }
}

/// Why a passkey does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotTrusted {
    /// It is not somebody's here, or was revoked.
    #[error("a passkey that signed is unknown here, or was revoked")]
    UnknownKey,
    /// A pinned passkey whose row is not the pinned one.
    #[error("a pinned passkey is not the one of the configuration")]
    PinnedChanged,
    /// Nobody trusted signed its enrolment.
    #[error("nobody has vouched for a passkey that signed")]
    NotVouched,
    /// The enrolment's signature does not fit: forged, or account, role or key were changed since.
    #[error("an enrolment does not fit what was signed (account, role, key)")]
    EnrolmentForged,
    /// Who vouched is no administrator of the establishment.
    #[error("a passkey was vouched for by somebody who is no administrator")]
    NotAdministrator,
    /// Enrolments that vouch for each other in a circle.
    #[error("enrolments vouch for each other in a circle")]
    Circle,
    /// More enrolments behind each other than are followed.
    #[error("a chain of enrolments is too long")]
    ChainTooLong,
}

/// The passkeys of an establishment and what vouches for them.
#[derive(Clone, Copy)]
pub struct Chain<'a> {
    pinned: &'a Pinned,
    establishment: EstablishmentId,
    rows: &'a [PasskeyRow],
}

impl<'a> Chain<'a> {
    /// Over these rows, none of which is believed.
    pub fn new(pinned: &'a Pinned, establishment: EstablishmentId, rows: &'a [PasskeyRow]) -> Self {
        Self { pinned, establishment, rows }
    }

    /// A passkey whose enrolment leads to a pinned key.
    pub fn trusted(&self, credential: &[u8]) -> Result<&'a PasskeyRow, NotTrusted> {
        self.followed(credential, &mut Vec::new())
    }

    /// `path` holds the credentials gone through.
    fn followed(&self, credential: &[u8], path: &mut Vec<Vec<u8>>) -> Result<&'a PasskeyRow, NotTrusted> {
        let mut rows = self.rows.iter().filter(|row| row.passkey.credential == credential);
        let (Some(row), None) = (rows.next(), rows.next()) else { return Err(NotTrusted::UnknownKey) };
        if row.establishment != self.establishment {
            return Err(NotTrusted::UnknownKey);
        }
        if let Some(pinned) = self.pinned.keys.iter().find(|key| key.credential == credential) {
            let same = pinned.public_key == row.passkey.public_key.to_cose()
                && pinned.account == row.account
                && pinned.role == row.role
                && pinned.establishment == row.establishment;
            return if same { Ok(row) } else { Err(NotTrusted::PinnedChanged) };
        }
        if path.iter().any(|gone| gone == credential) {
            return Err(NotTrusted::Circle);
        }
        path.push(credential.to_vec());
        if path.len() >= CHAIN_MAX {
            return Err(NotTrusted::ChainTooLong);
        }
        let vouch = row.vouch.as_ref().ok_or(NotTrusted::NotVouched)?;
        let voucher = self.followed(&vouch.assertion.credential, path)?;
        if voucher.role != Role::Administrator {
            return Err(NotTrusted::NotAdministrator);
        }
        let challenge = signed::challenge(&row.enrol_terms().bytes(&vouch.nonce));
        match self.signs(&challenge, voucher, &vouch.assertion) {
            true => Ok(row),
            false => Err(NotTrusted::EnrolmentForged),
        }
    }

    /// Whether this passkey made that assertion over that challenge, on the relying party's page, its user verified.
    pub fn signs(&self, challenge: &Challenge, key: &PasskeyRow, assertion: &Assertion) -> bool {
        verify_assertion(&self.pinned.rp, challenge, &key.passkey, assertion).is_ok()
    }
}

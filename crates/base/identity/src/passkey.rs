//! Passkeys: what an authenticator and a browser say at an enrolment and at a signature, verified.
//!
//! Ours, and why. The challenge of an approval is not drawn by a library for one ceremony of five minutes: it is the hash
//! of the exact terms that are signed, and the assertion is verified again, from stored bytes, at each opening that it
//! permits, by a relay that never saw the ceremony. The libraries that exist draw their own challenges, keep the ceremony's
//! state themselves, and bring a second cryptography provider. What is ours is reading (strict, bounded, without a panic)
//! and comparing; the signatures are aws-lc-rs's.
//!
//! What is asked, each time: the type, the challenge, the origin, no crossing of origins, the relying party's hash, the
//! user present *and verified*, the algorithm one of two (ES256, Ed25519). Attestation statements are not trusted, so
//! they are not looked at: what makes a passkey count is that somebody already trusted signed its enrolment.

mod cose;
mod data;

pub use cose::PasskeyKey;

use aws_lc_rs::digest;
use data::{AuthenticatorData, Ceremony, attested, client_data};
use minicbor::{Decode, Encode};

/// The browser's part, at most.
pub const CLIENT_DATA_BYTES_MAX: usize = 4 * 1024;
/// The authenticator's part of an enrolment, at most.
pub const ATTESTATION_BYTES_MAX: usize = 16 * 1024;
/// The authenticator's part of a signature, at most.
pub const AUTHENTICATOR_DATA_BYTES_MAX: usize = 4 * 1024;
/// A credential's identifier, at most (as the standard says).
pub const CREDENTIAL_BYTES_MAX: usize = 1023;
/// A signature, at most: an ECDSA one is 72 bytes.
pub const SIGNATURE_BYTES_MAX: usize = 128;

/// Whom passkeys are for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelyingParty {
    /// The domain: `desk.hospital.example`.
    pub id: String,
    /// The pages' origin: `https://desk.hospital.example`, with its port if it is not 443.
    pub origin: String,
}

/// A passkey's public part, as kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyPublic {
    /// Its identifier: 1 to 1023 bytes.
    pub credential: Vec<u8>,
    /// Its key.
    pub public_key: PasskeyKey,
    /// The authenticator's counter at enrolment; many keep it at zero.
    pub sign_count: u32,
    /// Whether it may be copied to other devices of its holder. It never changes.
    pub backup_eligible: bool,
    /// Whether it was, at enrolment.
    pub backed_up: bool,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct Kept {
    #[cbor(n(0), with = "minicbor::bytes")]
    credential: Vec<u8>,
    #[cbor(n(1), with = "minicbor::bytes")]
    cose: Vec<u8>,
    #[n(2)]
    sign_count: u32,
    #[n(3)]
    backup_eligible: bool,
    #[n(4)]
    backed_up: bool,
}

impl PasskeyPublic {
    /// Bytes to keep; the same passkey gives the same bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let kept = Kept {
            credential: self.credential.clone(),
            cose: self.public_key.to_cose(),
            sign_count: self.sign_count,
            backup_eligible: self.backup_eligible,
            backed_up: self.backed_up,
        };
        // Writing to a Vec cannot fail.
        minicbor::to_vec(&kept).unwrap_or_default()
    }

    /// Reads what [`PasskeyPublic::to_bytes`] wrote, and nothing else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadRegistration> {
        let kept: Kept = minicbor::decode(bytes).map_err(|_| BadRegistration::Malformed)?;
        if !(1..=CREDENTIAL_BYTES_MAX).contains(&kept.credential.len()) {
            return Err(BadRegistration::Malformed);
        }
        let passkey = Self {
            credential: kept.credential,
            public_key: PasskeyKey::from_cose(&kept.cose)?,
            sign_count: kept.sign_count,
            backup_eligible: kept.backup_eligible,
            backed_up: kept.backed_up,
        };
        (passkey.to_bytes() == bytes).then_some(passkey).ok_or(BadRegistration::Malformed)
    }

    /// SHA-256 of what identifies the passkey: its identifier and its key, not its counter.
    pub fn fingerprint(&self) -> [u8; 32] {
        let mut context = digest::Context::new(&digest::SHA256);
        let key = self.public_key.to_cose();
        for part in [b"poterne-passkey-v1".as_slice(), &self.credential, &key] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(context.finish().as_ref());
        fingerprint
    }
}

/// A passkey's sealed record: what `passkeys.sealed` holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyRecord {
    /// The passkey.
    pub public: PasskeyPublic,
    /// What its holder calls it.
    pub label: String,
    /// How many times its account's means had been given anew: it opens sessions until they are again, and signs after.
    pub renewal: u32,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct KeptRecord {
    #[cbor(n(0), with = "minicbor::bytes")]
    public: Vec<u8>,
    #[n(1)]
    label: String,
    /// Absent when never.
    #[n(2)]
    renewal: Option<u32>,
}

impl PasskeyRecord {
    /// Bytes to seal.
    pub fn to_bytes(&self) -> Vec<u8> {
        let renewal = (self.renewal > 0).then_some(self.renewal);
        let kept = KeptRecord { public: self.public.to_bytes(), label: self.label.clone(), renewal };
        // Writing to a Vec cannot fail.
        minicbor::to_vec(&kept).unwrap_or_default()
    }

    /// Reads what was sealed.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadRegistration> {
        let kept: KeptRecord = minicbor::decode(bytes).map_err(|_| BadRegistration::Malformed)?;
        let (public, renewal) = (PasskeyPublic::from_bytes(&kept.public)?, kept.renewal.unwrap_or(0));
        Ok(Self { public, label: kept.label, renewal })
    }
}

/// Why an enrolment is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadRegistration {
    /// Longer than it may be.
    #[error("the enrolment is too long")]
    TooLong,
    /// Not what a browser or an authenticator writes.
    #[error("the enrolment is not well-formed")]
    Malformed,
    /// It answers another question, page or domain.
    #[error(transparent)]
    Elsewhere(#[from] Elsewhere),
    /// Nobody was there, or he was not verified.
    #[error("the authenticator did not verify its user")]
    NotVerified,
    /// No credential in it.
    #[error("the enrolment holds no credential")]
    NoCredential,
    /// A key of another kind, or one that anybody could sign for.
    #[error("the passkey's key is of a kind that is not taken")]
    Algorithm,
}

/// Why what a browser says does not answer what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Elsewhere {
    /// An enrolment in place of a signature, or the reverse.
    #[error("it is of another type")]
    Type,
    /// Another challenge.
    #[error("it answers another challenge")]
    Challenge,
    /// Another page.
    #[error("it was made on another page")]
    Origin,
    /// Within another site's page.
    #[error("it was made within another site's page")]
    CrossOrigin,
    /// Another domain.
    #[error("it is for another domain")]
    RelyingParty,
}

/// What a browser gives for a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assertion {
    /// Which passkey signed.
    pub credential: Vec<u8>,
    /// The browser's part.
    pub client_data_json: Vec<u8>,
    /// The authenticator's part.
    pub authenticator_data: Vec<u8>,
    /// Over both.
    pub signature: Vec<u8>,
}

/// Why a signature is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadAssertion {
    /// Longer than it may be.
    #[error("the signature's parts are too long")]
    TooLong,
    /// Not what a browser or an authenticator writes.
    #[error("the signature's parts are not well-formed")]
    Malformed,
    /// It answers another question, page or domain.
    #[error(transparent)]
    Elsewhere(#[from] Elsewhere),
    /// Another passkey.
    #[error("another passkey signed")]
    Credential,
    /// Nobody was there, or he was not verified.
    #[error("the authenticator did not verify its user")]
    NotVerified,
    /// What never changes in a passkey has changed.
    #[error("the passkey is not the one that was enrolled")]
    Changed,
    /// The signature is wrong.
    #[error("the signature is wrong")]
    Signature,
}

/// What a right signature tells besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AssertionSeen {
    /// Always true: a signature without it is refused.
    pub user_verified: bool,
    /// The authenticator's counter. The same assertion is verified many times: comparing counters is for the moment at
    /// which it is given, not for later.
    pub sign_count: u32,
}

/// Verifies an enrolment that answers `challenge`. What it gives is only what the browser says: it proves neither the
/// make of the authenticator nor who holds it.
pub fn verify_registration(
    rp: &RelyingParty,
    challenge: &[u8; 32],
    client_data_json: &[u8],
    attestation_object: &[u8],
) -> Result<PasskeyPublic, BadRegistration> {
    if client_data_json.len() > CLIENT_DATA_BYTES_MAX || attestation_object.len() > ATTESTATION_BYTES_MAX {
        return Err(BadRegistration::TooLong);
    }
    client_data(client_data_json).ok_or(BadRegistration::Malformed)?.answers(Ceremony::Create, rp, challenge)?;
    let data = attested(attestation_object).ok_or(BadRegistration::Malformed)?;
    let data = AuthenticatorData::read(data).ok_or(BadRegistration::Malformed)?;
    data.is_for(rp)?;
    if !data.user_verified() {
        return Err(BadRegistration::NotVerified);
    }
    let credential = data.credential.as_ref().ok_or(BadRegistration::NoCredential)?;
    Ok(PasskeyPublic {
        credential: credential.id.to_vec(),
        public_key: PasskeyKey::from_cose(credential.cose)?,
        sign_count: data.sign_count,
        backup_eligible: data.backup_eligible(),
        backed_up: data.backed_up(),
    })
}

/// Verifies that `passkey` signed `challenge` on the relying party's page, its user verified.
pub fn verify_assertion(
    rp: &RelyingParty,
    challenge: &[u8; 32],
    passkey: &PasskeyPublic,
    assertion: &Assertion,
) -> Result<AssertionSeen, BadAssertion> {
    let too_long = assertion.client_data_json.len() > CLIENT_DATA_BYTES_MAX
        || assertion.authenticator_data.len() > AUTHENTICATOR_DATA_BYTES_MAX
        || assertion.credential.len() > CREDENTIAL_BYTES_MAX
        || assertion.signature.len() > SIGNATURE_BYTES_MAX;
    if too_long {
        return Err(BadAssertion::TooLong);
    }
    if assertion.credential != passkey.credential {
        return Err(BadAssertion::Credential);
    }
    let client = client_data(&assertion.client_data_json).ok_or(BadAssertion::Malformed)?;
    client.answers(Ceremony::Get, rp, challenge)?;
    let data = AuthenticatorData::read(&assertion.authenticator_data).ok_or(BadAssertion::Malformed)?;
    // Only an enrolment holds a credential.
    if data.credential.is_some() {
        return Err(BadAssertion::Malformed);
    }
    data.is_for(rp)?;
    if !data.user_verified() {
        return Err(BadAssertion::NotVerified);
    }
    if data.backup_eligible() != passkey.backup_eligible {
        return Err(BadAssertion::Changed);
    }
    let hash = digest::digest(&digest::SHA256, &assertion.client_data_json);
    let signed = [assertion.authenticator_data.as_slice(), hash.as_ref()].concat();
    if !passkey.public_key.signed(&signed, &assertion.signature) {
        return Err(BadAssertion::Signature);
    }
    Ok(AssertionSeen { user_verified: true, sign_count: data.sign_count })
}

#[cfg(test)]
mod tests;

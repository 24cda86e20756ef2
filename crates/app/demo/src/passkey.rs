//! A passkey made of software, for a demonstration's interfaces only: what a person's authenticator does, without the
//! person. It exists in this crate and nowhere else; production knows none.

use aws_lc_rs::{
    digest::{SHA256, digest},
    error::Unspecified,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use data_encoding::BASE64URL_NOPAD;
use types::Secret;

/// User present, user verified.
const PRESENT_AND_VERIFIED: u8 = 0x01 | 0x04;
/// Attested credential data follows.
const ATTESTED: u8 = 0x40;

/// The passkey of one account.
pub struct SoftPasskey {
    key: EcdsaKeyPair,
    credential: [u8; 16],
}

/// What `navigator.credentials.create` would give.
#[derive(Debug, Clone)]
pub struct Registration {
    /// The browser's part.
    pub client_data_json: Vec<u8>,
    /// The authenticator's part, attested by nobody.
    pub attestation_object: Vec<u8>,
}

/// What `navigator.credentials.get` would give.
#[derive(Debug, Clone)]
pub struct Assertion {
    /// Which passkey.
    pub credential: Vec<u8>,
    /// The browser's part.
    pub client_data_json: Vec<u8>,
    /// The authenticator's part.
    pub authenticator_data: Vec<u8>,
    /// Over both.
    pub signature: Vec<u8>,
}

impl SoftPasskey {
    /// Draws a new one; the bytes are what [`SoftPasskey::load`] reads.
    pub fn draw() -> Result<(Self, Secret<Vec<u8>>), Unspecified> {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new())?;
        let kept = Secret::new(document.as_ref().to_vec());
        Ok((Self::load(&kept)?, kept))
    }

    /// The one that was drawn.
    pub fn load(kept: &Secret<Vec<u8>>) -> Result<Self, Unspecified> {
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, kept.expose()).map_err(|_| Unspecified)?;
        let hash = digest(&SHA256, key.public_key().as_ref());
        let credential = hash.as_ref().first_chunk().copied().ok_or(Unspecified)?;
        Ok(Self { key, credential })
    }

    /// Answers a registration.
    pub fn register(&self, rp_id: &str, origin: &str, challenge: &[u8]) -> Registration {
        let mut authenticator = authenticator_data(rp_id, PRESENT_AND_VERIFIED | ATTESTED);
        authenticator.extend([0; 16]);
        authenticator.extend([0, 16]);
        authenticator.extend(self.credential);
        authenticator.extend(self.cose_key());
        // {"fmt": "none", "attStmt": {}, "authData": bytes}
        let mut object = vec![0xa3];
        object.extend(b"\x63fmt\x64none\x67attStmt\xa0\x68authData");
        object.push(0x58);
        object.push(u8::try_from(authenticator.len()).unwrap_or(u8::MAX));
        object.extend(authenticator);
        let client_data_json = client_data("webauthn.create", origin, challenge);
        Registration { client_data_json, attestation_object: object }
    }

    /// Signs a challenge.
    pub fn assert(&self, rp_id: &str, origin: &str, challenge: &[u8]) -> Result<Assertion, Unspecified> {
        let client_data_json = client_data("webauthn.get", origin, challenge);
        let authenticator_data = authenticator_data(rp_id, PRESENT_AND_VERIFIED);
        let mut signed = authenticator_data.clone();
        signed.extend(digest(&SHA256, &client_data_json).as_ref());
        let signature = self.key.sign(&SystemRandom::new(), &signed)?.as_ref().to_vec();
        Ok(Assertion { credential: self.credential.to_vec(), client_data_json, authenticator_data, signature })
    }

    /// The public key as COSE has it: EC2, ES256, P-256, x, y.
    fn cose_key(&self) -> Vec<u8> {
        let point = self.key.public_key().as_ref();
        let (x, y) = point.get(1..).unwrap_or_default().split_at_checked(32).unwrap_or_default();
        let mut cose = vec![0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 32];
        cose.extend(x);
        cose.extend([0x22, 0x58, 32]);
        cose.extend(y);
        cose
    }
}

/// Hash of the party's name, flags, and a counter that stays at zero as synchronised passkeys' does.
fn authenticator_data(rp_id: &str, flags: u8) -> Vec<u8> {
    let mut data = digest(&SHA256, rp_id.as_bytes()).as_ref().to_vec();
    data.push(flags);
    data.extend([0; 4]);
    data
}

fn client_data(kind: &str, origin: &str, challenge: &[u8]) -> Vec<u8> {
    let challenge = BASE64URL_NOPAD.encode(challenge);
    // Nothing here needs escaping: a fixed word, base64 and an origin.
    format!(r#"{{"type":"{kind}","challenge":"{challenge}","origin":"{origin}","crossOrigin":false}}"#).into_bytes()
}

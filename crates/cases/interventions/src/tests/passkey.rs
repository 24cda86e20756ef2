//! A passkey of software, for this crate's tests.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use data_encoding::BASE64URL_NOPAD;
use identity::passkey::{Assertion, PasskeyKey, PasskeyPublic, RelyingParty};

/// Somebody's authenticator.
pub struct SoftPasskey {
    key: EcdsaKeyPair,
}

impl SoftPasskey {
    pub fn draw() -> Self {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new()).unwrap();
        Self { key: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref()).unwrap() }
    }

    pub fn rp() -> RelyingParty {
        RelyingParty { id: "desk.hospital.test".into(), origin: "https://desk.hospital.test".into() }
    }

    pub fn credential(&self) -> Vec<u8> {
        digest(&SHA256, self.key.public_key().as_ref()).as_ref()[..16].to_vec()
    }

    pub fn public(&self) -> PasskeyPublic {
        let point = self.key.public_key().as_ref();
        let mut cose = vec![0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 32];
        cose.extend(&point[1..33]);
        cose.extend([0x22, 0x58, 32]);
        cose.extend(&point[33..65]);
        PasskeyPublic {
            credential: self.credential(),
            public_key: PasskeyKey::from_cose(&cose).unwrap(),
            sign_count: 0,
            backup_eligible: false,
            backed_up: false,
        }
    }

    pub fn sign(&self, challenge: &[u8; 32]) -> Assertion {
        let rp = Self::rp();
        let client_data_json = format!(
            r#"{{"type":"webauthn.get","challenge":"{}","origin":"{}","crossOrigin":false}}"#,
            BASE64URL_NOPAD.encode(challenge),
            rp.origin
        );
        let client_data_json = client_data_json.into_bytes();
        let mut authenticator_data = digest(&SHA256, rp.id.as_bytes()).as_ref().to_vec();
        authenticator_data.extend([0x05, 0, 0, 0, 0]);
        let signed = [authenticator_data.as_slice(), digest(&SHA256, &client_data_json).as_ref()].concat();
        let signature = self.key.sign(&SystemRandom::new(), &signed).unwrap().as_ref().to_vec();
        Assertion { credential: self.credential(), client_data_json, authenticator_data, signature }
    }
}

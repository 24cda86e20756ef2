//! A key that signs as a passkey does, for the terms of one rehearsal. Its private half is never kept.

use crate::service::Answer;
use aws_lc_rs::{
    digest::{SHA256, digest},
    signature::{Ed25519KeyPair, KeyPair as _},
};
use data_encoding::BASE64URL_NOPAD;
use identity::{
    passkey::{Assertion, PasskeyKey, PasskeyPublic, RelyingParty},
    vouching::PasskeyRow,
};
use types::{AccountId, EstablishmentId, Role};
use vault::{VaultError, random};
use zeroize::Zeroizing;

/// User present, user verified: what the form of a signature asks for. Nobody is there; the terms say so.
const FLAGS: u8 = 0x01 | 0x04;

pub(super) struct RehearsalKey {
    pair: Ed25519KeyPair,
    rp: RelyingParty,
    /// Its public half, as a row of a passkey would have it. It is in no table.
    pub row: PasskeyRow,
}

impl RehearsalKey {
    pub fn draw(rp: &RelyingParty, (account, role, establishment): (AccountId, Role, EstablishmentId)) -> Answer<Self> {
        let seed = Zeroizing::new(random::<32>()?);
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).map_err(|_| VaultError::DoesNotOpen)?;
        let public: [u8; 32] = pair.public_key().as_ref().try_into().map_err(|_| VaultError::DoesNotOpen)?;
        let passkey = PasskeyPublic {
            credential: random::<32>()?.to_vec(),
            public_key: PasskeyKey::Ed25519(public),
            sign_count: 0,
            backup_eligible: false,
            backed_up: false,
        };
        let row = PasskeyRow { passkey, account, role, establishment, vouch: None };
        Ok(Self { pair, rp: rp.clone(), row })
    }

    pub fn sign(&self, challenge: &[u8; 32]) -> Assertion {
        // Nothing here needs escaping: base64 and an origin.
        let client_data_json = format!(
            r#"{{"type":"webauthn.get","challenge":"{}","origin":"{}","crossOrigin":false}}"#,
            BASE64URL_NOPAD.encode(challenge),
            self.rp.origin
        );
        let client_data_json = client_data_json.into_bytes();
        let mut authenticator_data = digest(&SHA256, self.rp.id.as_bytes()).as_ref().to_vec();
        authenticator_data.extend([FLAGS, 0, 0, 0, 0]);
        let signed = [authenticator_data.as_slice(), digest(&SHA256, &client_data_json).as_ref()].concat();
        let signature = self.pair.sign(&signed).as_ref().to_vec();
        let credential = self.row.passkey.credential.clone();
        Assertion { credential, client_data_json, authenticator_data, signature }
    }
}

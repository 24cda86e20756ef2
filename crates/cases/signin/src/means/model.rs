//! Means of identification, as kept and as shown.

use super::sql::{PasskeyRow, SshKeyRow};
use identity::passkey::{PasskeyPublic, PasskeyRecord};
use minicbor::{Decode, Encode};
use store::StoreError;
use types::{AccountId, EstablishmentId, Role, Time, TokenId};
use vault::{Keys, Place, Purpose, VaultError};

/// Keys for SSH of one account.
pub const SSH_KEYS_MAX: usize = 10;
/// Passkeys of one account.
pub const PASSKEYS_MAX: usize = 10;
/// Tokens of one account that are not past their end.
pub const TOKENS_MAX: usize = 20;
/// Characters of a label.
pub const LABEL_CHARS_MAX: usize = 80;

/// A key for SSH, as its holder sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshKeySeen {
    /// `SHA256:…`.
    pub fingerprint: String,
    /// `ssh-ed25519`.
    pub algorithm: &'static str,
    /// What its holder calls it.
    pub label: String,
    /// Since when.
    pub added: Time,
}

/// A passkey, as its holder and those who vouch see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeySeen {
    /// Its public part, with its identifier.
    pub public: PasskeyPublic,
    /// What its holder calls it.
    pub label: String,
    /// Since when.
    pub enrolled: Time,
    /// Whether it opens sessions: its account's means were not given anew since.
    pub opens: bool,
    /// Whether evidence of somebody's vouching is kept. Whether it holds is verified each time that the passkey counts.
    pub vouched: bool,
}

/// A passkey with its holder, for those who vouch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnrolledPasskey {
    /// Whose.
    pub account: AccountId,
    /// The holder's name.
    pub display_name: String,
    /// In what role.
    pub role: Role,
    /// The passkey.
    pub passkey: PasskeySeen,
}

/// One's own means, but for tokens: those are listed by [`crate::ApiTokens::list`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnMeans {
    /// Keys for SSH.
    pub ssh_keys: Vec<SshKeySeen>,
    /// Passkeys.
    pub passkeys: Vec<PasskeySeen>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
pub(crate) struct SshKeySecrets {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub blob: Vec<u8>,
    #[n(1)]
    pub label: String,
}

impl SshKeySecrets {
    pub(crate) fn seal(&self, keys: &Keys, account: AccountId, fingerprint: &str) -> Result<Vec<u8>, VaultError> {
        let row: [&[u8]; 2] = [account.as_bytes(), fingerprint.as_bytes()];
        let clear = minicbor::to_vec(self).unwrap_or_default();
        keys.seal(Purpose::MeansFields, Place { table: "ssh_keys", column: "sealed", row: &row }, &clear)
    }

    pub(crate) fn open(keys: &Keys, account: AccountId, row: &SshKeyRow) -> Result<Self, StoreError> {
        let place: [&[u8]; 2] = [account.as_bytes(), row.fingerprint.as_bytes()];
        let place = Place { table: "ssh_keys", column: "sealed", row: &place };
        let clear = keys.open(Purpose::MeansFields, place, &row.sealed);
        let bad = StoreError::Malformed("ssh_keys.sealed");
        clear.ok().and_then(|clear| minicbor::decode(&clear).ok()).ok_or(bad)
    }
}

/// What a passkey's sealed columns are bound to.
pub(crate) struct PasskeyBond<'a> {
    pub credential: &'a [u8],
    pub account: AccountId,
    pub establishment: EstablishmentId,
}

impl PasskeyBond<'_> {
    pub(crate) fn seal(&self, keys: &Keys, column: &'static str, clear: &[u8]) -> Result<Vec<u8>, VaultError> {
        let row: [&[u8]; 3] = [self.credential, self.account.as_bytes(), self.establishment.as_bytes()];
        keys.seal(Purpose::MeansFields, Place { table: "passkeys", column, row: &row }, clear)
    }
}

/// A passkey of an account whose means were given anew `renewals` times.
pub(crate) fn open_passkey(keys: &Keys, row: &PasskeyRow, renewals: u32) -> Result<PasskeySeen, StoreError> {
    let bad = || StoreError::Malformed("passkeys.sealed");
    let place: [&[u8]; 3] = [&row.credential, row.account.as_bytes(), row.establishment.as_bytes()];
    let place = Place { table: "passkeys", column: "sealed", row: &place };
    let clear = keys.open(Purpose::MeansFields, place, &row.sealed).map_err(|_| bad())?;
    let record = PasskeyRecord::from_bytes(&clear).map_err(|_| bad())?;
    if record.public.credential != row.credential {
        return Err(bad());
    }
    Ok(PasskeySeen {
        public: record.public,
        label: record.label,
        enrolled: row.created,
        opens: record.renewal == renewals,
        vouched: row.vouched,
    })
}

#[derive(Encode, Decode)]
#[cbor(map)]
pub(crate) struct TokenSecrets {
    #[n(0)]
    pub label: String,
}

impl TokenSecrets {
    pub(crate) fn seal(&self, keys: &Keys, token: TokenId, account: AccountId) -> Result<Vec<u8>, VaultError> {
        let row: [&[u8]; 2] = [token.as_bytes(), account.as_bytes()];
        let clear = minicbor::to_vec(self).unwrap_or_default();
        keys.seal(Purpose::MeansFields, Place { table: "tokens", column: "sealed", row: &row }, &clear)
    }

    pub(crate) fn open(keys: &Keys, token: TokenId, account: AccountId, sealed: &[u8]) -> Result<Self, StoreError> {
        let row: [&[u8]; 2] = [token.as_bytes(), account.as_bytes()];
        let clear = keys.open(Purpose::MeansFields, Place { table: "tokens", column: "sealed", row: &row }, sealed);
        let bad = StoreError::Malformed("tokens.sealed");
        clear.ok().and_then(|clear| minicbor::decode(&clear).ok()).ok_or(bad)
    }
}

/// What cannot be a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name of 1 to {LABEL_CHARS_MAX} characters is needed, on one line")]
pub struct BadLabel;

/// A label as typed: trimmed, on one line, without what changes the reading of others.
pub(crate) fn label(text: &str) -> Result<String, BadLabel> {
    let text = text.trim();
    let length = text.chars().take(LABEL_CHARS_MAX + 1).count();
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    ((1..=LABEL_CHARS_MAX).contains(&length) && !text.chars().any(hidden)).then(|| text.to_owned()).ok_or(BadLabel)
}

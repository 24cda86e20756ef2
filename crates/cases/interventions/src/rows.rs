//! What the sealed columns hold, and where they belong.

use crate::{
    files::FileAct,
    model::{ChannelSummary, Step},
    terms::Nonce,
    warrant::SignatureRow,
};
use identity::signed::KeptAssertion;
use minicbor::{Decode, Encode};
use std::str::FromStr;
use store::StoreError;
use types::{AccountId, AccountState, Cidr, EstablishmentId};
use vault::{Keys, Place, Purpose};

/// Seals one of the bodies below in its place.
pub(crate) fn seal<T: Encode<()>>(
    keys: &Keys,
    table: &'static str,
    row: &[&[u8]],
    value: &T,
) -> Result<Vec<u8>, StoreError> {
    let clear = zeroize::Zeroizing::new(minicbor::to_vec(value).unwrap_or_default());
    keys.seal(Purpose::InterventionFields, Place { table, column: "sealed", row }, &clear)
        .map_err(|error| StoreError::Other(error.to_string()))
}

/// Opens one of the bodies below in its place. One that does not open was not made by us: it fails the whole reading.
pub(crate) fn open<T: for<'b> Decode<'b, ()>>(
    keys: &Keys,
    table: &'static str,
    row: &[&[u8]],
    sealed: &[u8],
) -> Result<T, StoreError> {
    let clear = keys
        .open(Purpose::InterventionFields, Place { table, column: "sealed", row }, sealed)
        .map_err(|_| StoreError::Malformed(table))?;
    minicbor::decode(&clear).map_err(|_| StoreError::Malformed(table))
}

/// A word of one of our enumerations.
pub(crate) fn word<T: FromStr>(text: &str, what: &'static str) -> Result<T, StoreError> {
    text.parse().map_err(|_| StoreError::Malformed(what))
}

pub(crate) fn words<T: FromStr>(texts: &[String], what: &'static str) -> Result<Vec<T>, StoreError> {
    texts.iter().map(|text| word(text, what)).collect()
}

/// An equipment's signature, or its like.
#[derive(Encode, Decode)]
#[cbor(map)]
pub(crate) struct RawSigned {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub nonce: [u8; 32],
    #[cbor(n(1), with = "minicbor::bytes")]
    pub account: [u8; 16],
    #[n(2)]
    pub assertion: KeptAssertion,
}

#[derive(Encode, Decode)]
#[cbor(map)]
pub(crate) struct RawEquipment {
    #[n(0)]
    pub location: String,
    #[n(1)]
    pub protocol: String,
    #[n(2)]
    pub host: String,
    #[n(3)]
    pub port: u16,
    #[n(4)]
    pub host_key: String,
    #[n(5)]
    pub account: String,
    #[n(6)]
    pub beneficiaries: Vec<RawId>,
    #[n(7)]
    pub quorum: u8,
    #[n(8)]
    pub signed: RawSigned,
}

/// What opens an equipment.
#[derive(Encode, Decode)]
#[cbor(map)]
pub(crate) struct RawSecret {
    /// 1 a password, 2 a private key.
    #[n(0)]
    pub kind: u8,
    #[n(1)]
    pub text: String,
}

impl Drop for RawSecret {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.text);
    }
}

/// An account's identifier within a body.
#[derive(Encode, Decode)]
#[cbor(transparent)]
pub(crate) struct RawId(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 16]);

impl From<AccountId> for RawId {
    fn from(id: AccountId) -> Self {
        Self(*id.as_bytes())
    }
}

impl From<&RawId> for AccountId {
    fn from(id: &RawId) -> Self {
        AccountId::from_bytes(id.0)
    }
}

#[derive(Encode, Decode)]
#[cbor(map)]
pub(crate) struct RawTechnician {
    #[n(0)]
    pub account: RawId,
    #[n(1)]
    pub name: String,
    #[n(2)]
    pub fingerprints: Vec<String>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
pub(crate) struct RawIntervention {
    #[n(0)]
    pub requester: RawId,
    #[n(1)]
    pub requester_name: String,
    #[n(2)]
    pub technicians: Vec<RawTechnician>,
    #[n(3)]
    pub activity: String,
    #[n(4)]
    pub purpose: String,
    #[n(5)]
    pub ticket: Option<String>,
    #[n(6)]
    pub rights: Vec<String>,
    #[n(7)]
    pub sources: Vec<String>,
    /// The window as it was asked for; extensions are signatures.
    #[n(8)]
    pub from: i64,
    #[n(9)]
    pub until: i64,
}

impl RawIntervention {
    pub(crate) fn ranges(&self) -> Result<Vec<Cidr>, StoreError> {
        words(&self.sources, "interventions.sealed")
    }
}

#[derive(Encode, Decode)]
#[cbor(map)]
pub(crate) struct RawSignature {
    #[n(0)]
    pub name: String,
    #[n(1)]
    pub assertion: KeptAssertion,
}

#[derive(Encode, Decode)]
#[cbor(map)]
pub(crate) struct RawStep {
    #[n(0)]
    pub act: String,
    #[n(1)]
    pub by: String,
    #[n(2)]
    pub note: String,
}

#[derive(Encode, Decode)]
#[cbor(map)]
pub(crate) struct RawSession {
    #[n(0)]
    pub technician_name: String,
    #[n(1)]
    pub address: String,
    #[n(2)]
    pub fingerprint: String,
}

#[derive(Encode, Decode)]
#[cbor(map)]
pub(crate) struct RawOutcome {
    #[n(0)]
    pub note: String,
    #[n(1)]
    pub bytes_in: u64,
    #[n(2)]
    pub bytes_out: u64,
    #[n(3)]
    pub channels: Vec<RawChannel>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
pub(crate) struct RawChannel {
    #[n(0)]
    pub number: u32,
    #[n(1)]
    pub kind: String,
    #[n(2)]
    pub command: Option<String>,
    #[n(3)]
    pub bytes_in: u64,
    #[n(4)]
    pub bytes_out: u64,
    #[n(5)]
    pub sha256_in: Option<String>,
    #[n(6)]
    pub sha256_out: Option<String>,
    #[n(7)]
    pub exit_status: Option<i32>,
    #[n(8)]
    pub recording: bool,
    #[n(9)]
    pub files: Option<Vec<RawFile>>,
    #[n(10)]
    pub files_more: Option<u64>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
pub(crate) struct RawFile {
    #[n(0)]
    pub verb: String,
    #[n(1)]
    pub path: String,
    #[n(2)]
    pub to: Option<String>,
    #[n(3)]
    pub end: String,
    #[n(4)]
    pub bytes_in: u64,
    #[n(5)]
    pub bytes_out: u64,
    #[n(6)]
    pub sha256_in: Option<String>,
    #[n(7)]
    pub sha256_out: Option<String>,
}

impl From<&FileAct> for RawFile {
    fn from(from: &FileAct) -> Self {
        Self {
            verb: from.verb.to_string(),
            path: from.path.clone(),
            to: from.to.clone(),
            end: from.end.to_string(),
            bytes_in: from.bytes_in,
            bytes_out: from.bytes_out,
            sha256_in: from.sha256_in.clone(),
            sha256_out: from.sha256_out.clone(),
        }
    }
}

impl TryFrom<RawFile> for FileAct {
    type Error = StoreError;
    fn try_from(from: RawFile) -> Result<Self, StoreError> {
        Ok(Self {
            verb: word(&from.verb, "relay_sessions.outcome")?,
            path: from.path,
            to: from.to,
            end: word(&from.end, "relay_sessions.outcome")?,
            bytes_in: from.bytes_in,
            bytes_out: from.bytes_out,
            sha256_in: from.sha256_in,
            sha256_out: from.sha256_out,
        })
    }
}

impl From<&ChannelSummary> for RawChannel {
    fn from(from: &ChannelSummary) -> Self {
        Self {
            number: from.number,
            kind: from.kind.to_string(),
            command: from.command.clone(),
            bytes_in: from.bytes_in,
            bytes_out: from.bytes_out,
            sha256_in: from.sha256_in.clone(),
            sha256_out: from.sha256_out.clone(),
            exit_status: from.exit_status,
            recording: from.recording,
            files: (!from.files.is_empty()).then(|| from.files.iter().map(RawFile::from).collect()),
            files_more: (from.files_more > 0).then_some(from.files_more),
        }
    }
}

impl TryFrom<RawChannel> for ChannelSummary {
    type Error = StoreError;
    fn try_from(from: RawChannel) -> Result<Self, StoreError> {
        Ok(Self {
            number: from.number,
            kind: word(&from.kind, "relay_sessions.outcome")?,
            command: from.command,
            bytes_in: from.bytes_in,
            bytes_out: from.bytes_out,
            sha256_in: from.sha256_in,
            sha256_out: from.sha256_out,
            exit_status: from.exit_status,
            recording: from.recording,
            files: from.files.into_iter().flatten().map(FileAct::try_from).collect::<Result<_, _>>()?,
            files_more: from.files_more.unwrap_or(0),
        })
    }
}

/// The sealed part of an account, as far as this case reads it: the name, and where it is in its life.
#[derive(Decode)]
#[cbor(map)]
pub(crate) struct RawPerson {
    #[n(1)]
    pub display_name: String,
    #[n(4)]
    pub life: Option<RawLife>,
    /// What was opened before this moment has ended.
    #[n(9)]
    pub ended: Option<i64>,
}

/// What is sealed of an account's life.
#[derive(Decode)]
#[cbor(map)]
pub(crate) struct RawLife {
    #[n(0)]
    pub state: String,
}

impl RawPerson {
    /// Whether the account is in use, whatever the column beside it says. One sealed before accounts had a life is.
    pub(crate) fn is_in_use(&self) -> bool {
        self.life.as_ref().is_none_or(|life| life.state == AccountState::Active.as_str())
    }
}

/// A step to be written.
#[derive(Debug, Clone)]
pub(crate) struct NewStep {
    pub id: [u8; 16],
    pub sealed: Vec<u8>,
}

impl NewStep {
    pub(crate) fn new(keys: &Keys, intervention: types::InterventionId, step: &Step) -> Result<Self, StoreError> {
        let id = vault::random().map_err(|error| StoreError::Other(error.to_string()))?;
        let raw = RawStep { act: step.act.to_string(), by: step.by.clone(), note: step.note.clone() };
        let sealed = seal(keys, "intervention_steps", &[&id, intervention.as_bytes()], &raw)?;
        Ok(Self { id, sealed })
    }
}

/// A signature to be written.
#[derive(Debug, Clone)]
pub(crate) struct NewSignature {
    pub row: SignatureRow,
    pub sealed: Vec<u8>,
}

impl NewSignature {
    pub(crate) fn new(
        keys: &Keys,
        intervention: types::InterventionId,
        row: SignatureRow,
        name: &str,
    ) -> Result<Self, StoreError> {
        let raw = RawSignature { name: name.to_owned(), assertion: KeptAssertion::from(&row.assertion) };
        let sealed =
            seal(keys, "intervention_signatures", &signature_row(&row.nonce, &intervention, &row.account), &raw)?;
        Ok(Self { row, sealed })
    }
}

pub(crate) fn signature_row<'a>(
    nonce: &'a Nonce,
    intervention: &'a types::InterventionId,
    account: &'a AccountId,
) -> [&'a [u8]; 3] {
    [nonce, intervention.as_bytes(), account.as_bytes()]
}

/// Where an account's sealed part belongs: as `signin` has it.
pub(crate) fn account_row<'a>(
    id: &'a AccountId,
    establishment: &'a EstablishmentId,
    role: &'a str,
    supplier: Option<&'a [u8]>,
) -> Vec<&'a [u8]> {
    let mut row: Vec<&[u8]> = vec![id.as_bytes(), establishment.as_bytes(), role.as_bytes()];
    row.extend(supplier);
    row
}

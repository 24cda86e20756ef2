//! What the API says and takes, as its description names it. Times are RFC 3339 in universal time; binary values are
//! base64url without padding.

use data_encoding::BASE64URL_NOPAD;
use interventions::{
    Assertion, ChannelSummary, Equipment, FileAct, Intervention, RelaySession, Signed, State, Supplier, TermsToSign,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use types::Time;
use utoipa::{IntoParams, ToSchema};

/// `2026-11-21T09:30:00Z`, with as many decimals as needed.
pub(crate) fn rfc3339(time: Time) -> String {
    jiff::Timestamp::from_microsecond(time.micros()).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string()
}

/// Reads what [`rfc3339`] writes, in any offset. Strict: date, `T`, time, `Z` or an offset, nothing more.
pub(crate) fn moment(text: &str) -> Option<Time> {
    let legal = |b: u8| b.is_ascii_digit() || b"-:.TZ+".contains(&b);
    let plain = (20..=40).contains(&text.len()) && text.bytes().all(legal) && text.as_bytes().get(10) == Some(&b'T');
    let stamp: jiff::Timestamp = plain.then(|| text.parse().ok()).flatten()?;
    Some(Time::from_micros(stamp.as_microsecond()))
}

macro_rules! word_query {
    ($(#[$doc:meta])* $name:ident: $of:ty { $($variant:ident = $word:tt),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
        pub enum $name { $(#[serde(rename = $word)] #[doc = $word] $variant),* }
        impl From<$name> for $of {
            fn from(word: $name) -> $of { match word { $($name::$variant => <$of>::$variant),* } }
        }
        impl From<$of> for $name {
            fn from(value: $of) -> $name { match value { $(<$of>::$variant => $name::$variant),* } }
        }
    };
}

word_query! {
    /// Where an intervention stands.
    StateWord: State {
        Waiting = "waiting", Planned = "planned", Open = "open", Refused = "refused", Withdrawn = "withdrawn",
        Closed = "closed", Cut = "cut", Lapsed = "lapsed",
    }
}

/// A span of time, its end excluded.
#[derive(Debug, Serialize, ToSchema)]
pub struct Window {
    /// First moment.
    #[schema(format = DateTime)]
    pub from: String,
    /// First moment past it.
    #[schema(format = DateTime)]
    pub until: String,
}

/// Somebody who may work in an intervention.
#[derive(Debug, Serialize, ToSchema)]
pub struct TechnicianBody {
    /// Whose account.
    pub account: String,
    /// His name.
    pub name: String,
    /// The keys that he may come with, `SHA256:…`.
    pub fingerprints: Vec<String>,
}

/// An approval that was given.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApprovalBody {
    /// Whose account.
    pub account: String,
    /// His name.
    pub name: String,
    /// When.
    #[schema(format = DateTime)]
    pub at: String,
}

/// Something that happened to an intervention.
#[derive(Debug, Serialize, ToSchema)]
pub struct StepBody {
    /// When.
    #[schema(format = DateTime)]
    pub at: String,
    /// What, in one word.
    pub act: String,
    /// Who, by name; empty for the node itself.
    pub by: String,
    /// Anything said with it.
    pub note: String,
}

/// An intervention.
#[derive(Debug, Serialize, ToSchema)]
pub struct InterventionBody {
    /// Its identifier.
    pub id: String,
    /// Grows when what was asked for changes.
    pub version: u64,
    /// The supplier.
    pub supplier: String,
    /// Its name.
    pub supplier_name: String,
    /// The equipment.
    pub equipment: String,
    /// Its name.
    pub equipment_name: String,
    /// Who asked, by account.
    pub requester: String,
    /// His name.
    pub requester_name: String,
    /// Who may work.
    pub technicians: Vec<TechnicianBody>,
    /// `monitoring`, `maintenance` or `assistance`.
    pub activity: String,
    /// In the asker's words.
    pub purpose: String,
    /// The hospital's ticket.
    pub ticket: Option<String>,
    /// `shell`, `exec`, `files_in`, `files_out`.
    pub rights: Vec<String>,
    /// Ranges of addresses; from anywhere when empty.
    pub sources: Vec<String>,
    /// When; extensions included.
    pub window: Window,
    /// Where it stands.
    pub state: StateWord,
    /// "Do not interrupt", until then.
    #[schema(format = DateTime)]
    pub hold_until: Option<String>,
    /// How many approvals it takes.
    pub quorum: u8,
    /// Those given.
    pub approvals: Vec<ApprovalBody>,
    /// What happened, oldest first; empty in lists.
    pub history: Vec<StepBody>,
}

impl From<Intervention> for InterventionBody {
    fn from(one: Intervention) -> Self {
        let until = one.window.until.unwrap_or(one.window.from);
        let technicians = one.technicians.into_iter().map(|technician| TechnicianBody {
            account: technician.account.to_string(),
            name: technician.name,
            fingerprints: technician.fingerprints,
        });
        let approvals = one.approvals.into_iter().map(|approval| ApprovalBody {
            account: approval.account.to_string(),
            name: approval.name,
            at: rfc3339(approval.at),
        });
        let history = one.history.into_iter().map(|step| StepBody {
            at: rfc3339(step.at),
            act: step.act.to_string(),
            by: step.by,
            note: step.note,
        });
        Self {
            id: one.id.to_string(),
            version: one.version,
            supplier: one.supplier.to_string(),
            supplier_name: one.supplier_name,
            equipment: one.equipment.to_string(),
            equipment_name: one.equipment_name,
            requester: one.requester.to_string(),
            requester_name: one.requester_name,
            technicians: technicians.collect(),
            activity: one.activity.to_string(),
            purpose: one.purpose,
            ticket: one.ticket,
            rights: one.rights.iter().map(ToString::to_string).collect(),
            sources: one.sources.iter().map(ToString::to_string).collect(),
            window: Window { from: rfc3339(one.window.from), until: rfc3339(until) },
            state: one.state.into(),
            hold_until: one.hold_until.map(rfc3339),
            quorum: one.quorum,
            approvals: approvals.collect(),
            history: history.collect(),
        }
    }
}

/// One channel of a session.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChannelBody {
    /// Its number, from 1.
    pub number: u32,
    /// `terminal`, `command` or `sftp`.
    pub kind: String,
    /// The command, if one was asked for, with what cannot be seen made visible.
    pub command: Option<String>,
    /// Bytes towards the equipment.
    pub bytes_in: u64,
    /// Bytes from the equipment.
    pub bytes_out: u64,
    /// SHA-256 of what went in, hexadecimal.
    pub sha256_in: Option<String>,
    /// SHA-256 of what came out, hexadecimal.
    pub sha256_out: Option<String>,
    /// How the command ended.
    pub exit_status: Option<i32>,
    /// Whether a recording can be replayed.
    pub recording: bool,
    /// What was done to files over SFTP: the first hundred acts. The traces have all of them (`relay.file`).
    pub files: Vec<FileBody>,
    /// How many more there were.
    pub files_more: u64,
}

/// Something that was done to a file.
#[derive(Debug, Serialize, ToSchema)]
pub struct FileBody {
    /// `read`, `written`, `listed`, `removed`, `renamed`, `folder_made`, `folder_removed`, `linked`, `changed`, `copied` or
    /// `other`.
    pub verb: String,
    /// Which file or folder, with what cannot be seen made visible.
    pub path: String,
    /// And which other.
    pub to: Option<String>,
    /// `done`, `refused` or `unfinished`.
    pub end: String,
    /// Bytes towards the equipment.
    pub bytes_in: u64,
    /// Bytes from the equipment.
    pub bytes_out: u64,
    /// SHA-256 of what went in, hexadecimal, where it went from the first byte on without gap.
    pub sha256_in: Option<String>,
    /// The same of what came out.
    pub sha256_out: Option<String>,
}

impl From<FileAct> for FileBody {
    fn from(one: FileAct) -> Self {
        Self {
            verb: one.verb.to_string(),
            path: one.path,
            to: one.to,
            end: one.end.to_string(),
            bytes_in: one.bytes_in,
            bytes_out: one.bytes_out,
            sha256_in: one.sha256_in,
            sha256_out: one.sha256_out,
        }
    }
}

impl From<ChannelSummary> for ChannelBody {
    fn from(one: ChannelSummary) -> Self {
        Self {
            number: one.number,
            kind: one.kind.to_string(),
            command: one.command.map(|command| wire::visible(&command, 32_768)),
            bytes_in: one.bytes_in,
            bytes_out: one.bytes_out,
            sha256_in: one.sha256_in,
            sha256_out: one.sha256_out,
            exit_status: one.exit_status,
            recording: one.recording,
            files: one.files.into_iter().map(FileBody::from).collect(),
            files_more: one.files_more,
        }
    }
}

/// A technician's session through a relay.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionBody {
    /// Its identifier.
    pub id: String,
    /// In which intervention.
    pub intervention: String,
    /// Whose account.
    pub technician: String,
    /// His name.
    pub technician_name: String,
    /// To what.
    pub equipment: String,
    /// Its name.
    pub equipment_name: String,
    /// From where.
    pub address: String,
    /// Since when.
    #[schema(format = DateTime)]
    pub opened: String,
    /// Until when, once it ended.
    #[schema(format = DateTime)]
    pub closed: Option<String>,
    /// Why it ended.
    pub end: Option<String>,
    /// Bytes towards the equipment.
    pub bytes_in: u64,
    /// Bytes from the equipment.
    pub bytes_out: u64,
    /// What it was made of; empty while it lives.
    pub channels: Vec<ChannelBody>,
    /// Anything said with its end.
    pub note: String,
    /// Whether it lives.
    pub live: bool,
}

impl From<RelaySession> for SessionBody {
    fn from(one: RelaySession) -> Self {
        Self {
            id: one.id.to_string(),
            intervention: one.intervention.to_string(),
            technician: one.technician.to_string(),
            technician_name: one.technician_name,
            equipment: one.equipment.to_string(),
            equipment_name: one.equipment_name,
            address: one.address.to_string(),
            opened: rfc3339(one.opened),
            closed: one.closed.map(rfc3339),
            end: one.end.map(|end| end.to_string()),
            bytes_in: one.bytes_in,
            bytes_out: one.bytes_out,
            channels: one.channels.into_iter().map(Into::into).collect(),
            note: one.note,
            live: one.live,
        }
    }
}

/// An equipment that technicians may reach.
#[derive(Debug, Serialize, ToSchema)]
pub struct TargetBody {
    /// Its identifier.
    pub id: String,
    /// Grows with each change.
    pub version: u64,
    /// The name in `ssh technician%target@…`.
    pub name: String,
    /// Where it stands.
    pub location: String,
    /// `ssh`.
    pub protocol: String,
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Its pinned key.
    pub host_key: String,
    /// The login on the machine.
    pub account: String,
    /// Who answers for it, by account.
    pub beneficiaries: Vec<String>,
    /// How many of them must approve.
    pub quorum: u8,
    /// Whether an administrator whom the node's pinned keys vouch for signed what stands here.
    pub signed: bool,
}

impl From<Equipment> for TargetBody {
    fn from(one: Equipment) -> Self {
        Self {
            id: one.id.to_string(),
            version: one.version,
            name: one.name,
            location: one.location,
            protocol: one.protocol.to_string(),
            host: one.host,
            port: one.port,
            host_key: one.host_key,
            account: one.account,
            beneficiaries: one.beneficiaries.iter().map(ToString::to_string).collect(),
            quorum: one.quorum,
            signed: one.signed,
        }
    }
}

/// A supplier.
#[derive(Debug, Serialize, ToSchema)]
pub struct SupplierBody {
    /// Its identifier.
    pub id: String,
    /// Its name.
    pub name: String,
}

impl From<Supplier> for SupplierBody {
    fn from(one: Supplier) -> Self {
        Self { id: one.id.to_string(), name: one.name }
    }
}

/// Part of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct InterventionList {
    /// The interventions, newest first; 100 at most.
    pub rows: Vec<InterventionBody>,
    /// The `cursor` of what follows, if anything does.
    pub next: Option<String>,
}

/// Part of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionList {
    /// The sessions, newest first; 100 at most.
    pub rows: Vec<SessionBody>,
    /// The `cursor` of what follows, if anything does.
    pub next: Option<String>,
}

/// What is to be signed.
#[derive(Debug, Serialize, ToSchema)]
pub struct TermsBody {
    /// The terms, to be read.
    #[schema(value_type = Object)]
    pub terms: Box<RawValue>,
    /// The very bytes of the terms, in base64url: what the challenge is made of.
    pub bytes: String,
    /// What the passkey signs, in base64url: SHA-256 of `poterne-terms-v1`, a zero byte, and the bytes.
    pub challenge: String,
    /// To be sent back with the signature; good for ten minutes, once.
    pub nonce: String,
    /// The passkeys that may sign, in base64url.
    pub credentials: Vec<String>,
}

impl TermsBody {
    pub(crate) fn new(to_sign: &TermsToSign) -> Option<Self> {
        let text = String::from_utf8(to_sign.bytes.clone()).ok()?;
        Some(Self {
            terms: RawValue::from_string(text).ok()?,
            bytes: BASE64URL_NOPAD.encode(&to_sign.bytes),
            challenge: BASE64URL_NOPAD.encode(&to_sign.challenge),
            nonce: to_sign.nonce.clone(),
            credentials: to_sign.credentials.iter().map(|one| BASE64URL_NOPAD.encode(one)).collect(),
        })
    }
}

/// What a passkey answered: the fields of `navigator.credentials.get`, in base64url.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AssertionBody {
    /// Which passkey (`rawId`).
    pub credential: String,
    /// `clientDataJSON`.
    pub client_data_json: String,
    /// `authenticatorData`.
    pub authenticator_data: String,
    /// `signature`.
    pub signature: String,
}

impl AssertionBody {
    pub(crate) fn read(&self) -> Option<Assertion> {
        let bytes = |text: &str| BASE64URL_NOPAD.decode(text.as_bytes()).ok();
        Some(Assertion {
            credential: bytes(&self.credential)?,
            client_data_json: bytes(&self.client_data_json)?,
            authenticator_data: bytes(&self.authenticator_data)?,
            signature: bytes(&self.signature)?,
        })
    }
}

/// A signature over terms; an empty object where the demonstration's software passkey signs.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignedBody {
    /// The nonce of the terms.
    pub nonce: Option<String>,
    /// What the passkey answered.
    pub assertion: Option<AssertionBody>,
}

/// Both or none; `None` when only one came, or something is not base64url.
pub(crate) fn signed(nonce: Option<String>, assertion: Option<&AssertionBody>) -> Option<Signed> {
    match (nonce, assertion) {
        (Some(nonce), Some(assertion)) => Some(Signed::Assertion { nonce, assertion: assertion.read()? }),
        (None, None) => Some(Signed::Here),
        _ => None,
    }
}

/// A signature over a later end.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignedUntil {
    /// The new end.
    #[schema(format = DateTime)]
    pub until: String,
    /// The nonce of the terms.
    pub nonce: Option<String>,
    /// What the passkey answered.
    pub assertion: Option<AssertionBody>,
}

/// A reason, in one's own words.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReasonBody {
    /// Shown to those who asked and kept with the intervention; 120 characters at most.
    #[schema(min_length = 1, max_length = 120)]
    pub reason: String,
}

/// Which act is to be signed.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActWord {
    /// An approval.
    Approve,
    /// A later end.
    Extend,
    /// "Do not interrupt".
    Hold,
}

/// What is to be signed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TermsAsked {
    /// The act.
    #[param(inline)]
    pub act: ActWord,
    /// The new end; for `extend` and `hold` only.
    #[param(format = DateTime)]
    pub until: Option<String>,
}

/// Narrows a list of interventions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct InterventionsAsked {
    /// In this state only.
    #[param(inline)]
    pub state: Option<StateWord>,
    /// With this text in the names of supplier or equipment.
    #[param(max_length = 100)]
    pub q: Option<String>,
    /// The `next` of the part before.
    pub cursor: Option<String>,
}

/// Narrows a list of sessions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SessionsAsked {
    /// Of this intervention only.
    pub intervention: Option<String>,
    /// Those that live, only.
    pub live: Option<bool>,
    /// The `next` of the part before.
    pub cursor: Option<String>,
}

/// Which recording.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RecordingAsked {
    /// The channel's number, from 1.
    #[param(minimum = 1)]
    pub channel: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_strict() {
        let noon = moment("2026-11-21T12:00:00Z");
        assert_eq!(noon.map(rfc3339).as_deref(), Some("2026-11-21T12:00:00Z"));
        assert_eq!(moment("2026-11-21T13:00:00+01:00"), noon);
        for bad in ["", "2026-11-21", "2026-11-21 12:00:00Z", "2026-11-21T12:00:00", "2026-13-21T12:00:00Z", "now"] {
            assert_eq!(moment(bad), None, "{bad}");
        }
    }
}

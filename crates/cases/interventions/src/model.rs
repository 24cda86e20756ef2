//! What suppliers, equipment, interventions and sessions are. What an interface shows serializes here.

use crate::{
    files::FileAct,
    words::{moment, text, words},
};
use lease::EndReason;
use serde::Serialize;
use types::{
    AccountId, Cidr, ClientAddress, EquipmentId, EstablishmentId, InterventionId, Period, RelayId, Secret, SupplierId,
    Time,
};

/// A purpose at most, in characters.
pub const PURPOSE_CHARS_MAX: usize = 500;
/// A name, a ticket, a place, a reason at most, in characters.
pub const NAME_CHARS_MAX: usize = 120;
/// Technicians of one intervention at most.
pub const TECHNICIANS_MAX: usize = 20;
/// Beneficiaries of one equipment at most.
pub const BENEFICIARIES_MAX: usize = 20;
/// Ranges of sources of one intervention at most.
pub const SOURCES_MAX: usize = 20;
/// A window at most, in days.
pub const WINDOW_DAYS_MAX: u64 = 31;
/// How far ahead a window may begin, in days.
pub const AHEAD_DAYS_MAX: u64 = 90;
/// "Do not interrupt" at most, in hours.
pub const HOLD_HOURS_MAX: u64 = 24;
/// Requests of one supplier that may wait at once.
pub const WAITING_MAX: u64 = 50;
/// Steps kept of one intervention at most.
pub const STEPS_MAX: u64 = 200;

/// A supplier of equipment or of its upkeep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Supplier {
    /// Its identifier.
    #[serde(serialize_with = "text::one")]
    pub id: SupplierId,
    /// Whose supplier.
    #[serde(serialize_with = "text::one")]
    pub establishment: EstablishmentId,
    /// Its name.
    pub name: String,
}

words! {
    /// How an equipment is reached.
    Protocol {
        /// SSH, with SFTP.
        Ssh = "ssh",
    }
}

/// An equipment that technicians may reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Equipment {
    /// Its identifier.
    #[serde(serialize_with = "text::one")]
    pub id: EquipmentId,
    /// Whose.
    #[serde(serialize_with = "text::one")]
    pub establishment: EstablishmentId,
    /// Grows with each change.
    pub version: u64,
    /// The target's name in `ssh technician%target@…`: lower-case letters, digits, hyphens.
    pub name: String,
    /// Where it stands.
    pub location: String,
    /// How it is reached.
    pub protocol: Protocol,
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Its pinned key: `ssh-ed25519 AAAA…`.
    pub host_key: String,
    /// The login on the machine.
    pub account: String,
    /// Who answers for it.
    #[serde(serialize_with = "text::many")]
    pub beneficiaries: Vec<AccountId>,
    /// How many of them must approve.
    pub quorum: u8,
    /// Whether what stands here is signed by an administrator whom the node's pinned keys vouch for.
    pub signed: bool,
}

/// What opens a session on the machine. Only the relays' door can read it.
#[derive(Debug)]
pub enum EquipmentSecret {
    /// A password.
    Password(Secret<String>),
    /// A private key, in OpenSSH's PEM form, without passphrase.
    PrivateKey(Secret<String>),
}

/// An equipment to register, or to change.
#[derive(Debug)]
pub struct NewEquipment {
    /// See [`Equipment::name`].
    pub name: String,
    /// Where it stands.
    pub location: String,
    /// How it is reached.
    pub protocol: Protocol,
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Its key.
    pub host_key: String,
    /// The login on the machine.
    pub account: String,
    /// Who answers for it.
    pub beneficiaries: Vec<AccountId>,
    /// How many of them must approve; 1 or more.
    pub quorum: u8,
}

words! {
    /// What the guide of 2014 tells apart.
    Activity {
        /// Watching from afar.
        Monitoring = "monitoring",
        /// Working on the equipment.
        Maintenance = "maintenance",
        /// Helping a user.
        Assistance = "assistance",
    }
}

words! {
    /// What may be done in a session.
    Right {
        /// A terminal.
        Shell = "shell",
        /// A command without terminal.
        Exec = "exec",
        /// Bring files to the equipment.
        FilesIn = "files_in",
        /// Take files from the equipment.
        FilesOut = "files_out",
    }
}

/// Somebody who may work in an intervention, and the keys he may come with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Technician {
    /// Who.
    #[serde(serialize_with = "text::one")]
    pub account: AccountId,
    /// His name, as it was at the request.
    pub name: String,
    /// `SHA256:…`, as they were at the request.
    pub fingerprints: Vec<String>,
}

words! {
    /// Where an intervention stands.
    State {
        /// Asked for, not decided.
        Waiting = "waiting",
        /// Approved, not begun.
        Planned = "planned",
        /// Begun, within its window.
        Open = "open",
        /// Refused.
        Refused = "refused",
        /// Taken back by those who asked.
        Withdrawn = "withdrawn",
        /// Ended by those who worked or follow it.
        Closed = "closed",
        /// Cut.
        Cut = "cut",
        /// Its window is over.
        Lapsed = "lapsed",
    }
}

/// Somebody's approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApprovalSummary {
    /// Who.
    #[serde(serialize_with = "text::one")]
    pub account: AccountId,
    /// His name.
    pub name: String,
    /// When.
    #[serde(serialize_with = "moment::one")]
    pub at: Time,
}

/// Something that happened to an intervention.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// When.
    #[serde(serialize_with = "moment::one")]
    pub at: Time,
    /// What: a word of [`StepKind`].
    pub act: StepKind,
    /// Who, by name; empty for the node itself.
    pub by: String,
    /// Anything said with it: a reason, an end.
    pub note: String,
}

words! {
    /// What may happen to an intervention.
    StepKind {
        /// It was asked for.
        Requested = "requested",
        /// One approval was given.
        Approved = "approved",
        /// Enough approvals were given.
        Planned = "planned",
        /// It was refused.
        Refused = "refused",
        /// It was withdrawn.
        Withdrawn = "withdrawn",
        /// It was opened.
        Opened = "opened",
        /// Its end was moved, or one of the signatures for it was given.
        Extended = "extended",
        /// "Do not interrupt" was set.
        Held = "held",
        /// "Do not interrupt" was lifted.
        Released = "released",
        /// It was closed.
        Closed = "closed",
        /// It was cut.
        Cut = "cut",
        /// Its window ended.
        Lapsed = "lapsed",
        /// A technician was refused a session, with the exact reason.
        SessionRefused = "session_refused",
        /// Something went wrong during a session.
        Alarm = "alarm",
    }
}

/// An intervention.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Intervention {
    /// Its identifier.
    #[serde(serialize_with = "text::one")]
    pub id: InterventionId,
    /// Whose hospital.
    #[serde(serialize_with = "text::one")]
    pub establishment: EstablishmentId,
    /// What approvals name; grows when what was asked for changes.
    pub version: u64,
    /// Whose technicians.
    #[serde(serialize_with = "text::one")]
    pub supplier: SupplierId,
    /// By name.
    pub supplier_name: String,
    /// On what.
    #[serde(serialize_with = "text::one")]
    pub equipment: EquipmentId,
    /// By name.
    pub equipment_name: String,
    /// Who asked.
    #[serde(serialize_with = "text::one")]
    pub requester: AccountId,
    /// By name.
    pub requester_name: String,
    /// Who may work.
    pub technicians: Vec<Technician>,
    /// What for.
    pub activity: Activity,
    /// In the asker's words.
    pub purpose: String,
    /// The hospital's ticket.
    pub ticket: Option<String>,
    /// What may be done.
    pub rights: Vec<Right>,
    /// From where; from anywhere when empty.
    #[serde(serialize_with = "text::many")]
    pub sources: Vec<Cidr>,
    /// When; the end includes extensions in force and is always there.
    #[serde(serialize_with = "moment::window")]
    pub window: Period,
    /// Where it stands.
    pub state: State,
    /// "Do not interrupt", until then.
    #[serde(serialize_with = "moment::maybe")]
    pub hold_until: Option<Time>,
    /// How many approvals it takes.
    pub quorum: u8,
    /// Those given.
    pub approvals: Vec<ApprovalSummary>,
    /// What happened, oldest first; empty in lists.
    pub history: Vec<Step>,
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRequest {
    /// On what.
    pub equipment: EquipmentId,
    /// Who will work: accounts of the asker's supplier; at least one.
    pub technicians: Vec<AccountId>,
    /// What for.
    pub activity: Activity,
    /// In one's own words; 1 to 500 characters.
    pub purpose: String,
    /// The hospital's ticket.
    pub ticket: Option<String>,
    /// What will be done; at least one.
    pub rights: Vec<Right>,
    /// From where; from anywhere when empty.
    pub sources: Vec<Cidr>,
    /// First moment.
    pub from: Time,
    /// First moment past it.
    pub until: Time,
}

words! {
    /// What a channel of a session carried.
    ChannelKind {
        /// A terminal.
        Terminal = "terminal",
        /// A command without terminal.
        Command = "command",
        /// Files over SFTP.
        Sftp = "sftp",
    }
}

/// One channel of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChannelSummary {
    /// Its number in the session, from 1.
    pub number: u32,
    /// What it carried.
    pub kind: ChannelKind,
    /// The command, if one was asked for.
    pub command: Option<String>,
    /// Bytes towards the equipment.
    pub bytes_in: u64,
    /// Bytes from the equipment.
    pub bytes_out: u64,
    /// SHA-256 of what went in, hexadecimal; not for terminals.
    pub sha256_in: Option<String>,
    /// SHA-256 of what came out, hexadecimal; not for terminals.
    pub sha256_out: Option<String>,
    /// How the command ended.
    pub exit_status: Option<i32>,
    /// Whether a recording can be replayed.
    pub recording: bool,
    /// What was done to files over SFTP: the first acts. The traces have all of them.
    pub files: Vec<FileAct>,
    /// How many more there were.
    pub files_more: u64,
}

/// Something that went wrong in a session that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Alarm {
    /// When.
    #[serde(serialize_with = "moment::one")]
    pub at: Time,
    /// What.
    pub text: String,
}

/// A technician's session through a relay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RelaySession {
    /// Its identifier.
    #[serde(serialize_with = "text::one")]
    pub id: RelayId,
    /// In which intervention.
    #[serde(serialize_with = "text::one")]
    pub intervention: InterventionId,
    /// Whose.
    #[serde(serialize_with = "text::one")]
    pub technician: AccountId,
    /// By name.
    pub technician_name: String,
    /// To what.
    #[serde(serialize_with = "text::one")]
    pub equipment: EquipmentId,
    /// By name.
    pub equipment_name: String,
    /// From where.
    #[serde(serialize_with = "text::one")]
    pub address: ClientAddress,
    /// Since when.
    #[serde(serialize_with = "moment::one")]
    pub opened: Time,
    /// Until when, once it ended.
    #[serde(serialize_with = "moment::maybe")]
    pub closed: Option<Time>,
    /// Why it ended.
    #[serde(serialize_with = "text::maybe")]
    pub end: Option<EndReason>,
    /// Bytes towards the equipment.
    pub bytes_in: u64,
    /// Bytes from the equipment.
    pub bytes_out: u64,
    /// What it was made of; empty while it lives.
    pub channels: Vec<ChannelSummary>,
    /// Anything said with its end.
    pub note: String,
    /// Whether it lives.
    pub live: bool,
    /// Whether "do not interrupt" holds it at present.
    pub held: bool,
    /// Whether "do not interrupt" keeps it past its window: somebody must look.
    pub overrun: bool,
    /// What went wrong in it so far, if it runs in this node; the traces keep all of it.
    pub alarms: Vec<Alarm>,
}

/// What a list is narrowed to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// In this state only.
    pub state: Option<State>,
    /// With this text in the names of supplier or equipment.
    pub text: Option<String>,
    /// After the page that gave this cursor.
    pub cursor: Option<String>,
    /// Sessions only: of this intervention.
    pub intervention: Option<InterventionId>,
    /// Sessions only: those that live.
    pub live: bool,
}

/// Part of a list: at most 100 rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Page<T> {
    /// The rows, newest first.
    pub rows: Vec<T>,
    /// For the next page, if there is one.
    pub next: Option<String>,
}

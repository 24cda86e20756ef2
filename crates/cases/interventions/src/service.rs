//! What pages and interfaces ask. Each method: load the facts, decide, act or read within the scope, trace.

use crate::{
    gate::Gate,
    live::{LiveFeed, LiveSessions, NoSessions},
    model::{Equipment, EquipmentSecret, Filter, Intervention, NewEquipment, NewRequest, Page, RelaySession, Supplier},
    passkey::Assertion,
    recording::{RecordingReader, Recordings, RecordingsReader},
    terms::Challenge,
    warrant::Pinned,
};
use identity::Authenticated;
use journal::{Journal, JournalError};
use lease::Leases;
use policy::Policies;
use std::sync::Arc;
use store::{Store, StoreError};
use types::{AccountId, Door, EquipmentId, InterventionId, RelayId, SupplierId, Time};
use vault::{Keys, SealOnly};

/// Why something was not done or not shown.
#[derive(Debug, thiserror::Error)]
pub enum InterventionError {
    /// Absent or forbidden: the same to whoever asks.
    #[error("there is nothing here for this person")]
    NotFound,
    /// What was asked does not hold together; which part, in words for the page to choose its sentence by.
    #[error("what was asked is not possible: {0}")]
    Invalid(Wrong),
    /// It changed meanwhile, or is not in a state for this act.
    #[error("the intervention has changed, or is not in a state for this")]
    Conflict,
    /// The signature does not fit the terms, the person or the moment.
    #[error("the signature does not fit")]
    BadSignature,
    /// The session was ended meanwhile.
    #[error("the session was ended meanwhile")]
    Ended,
    /// A store or the journal does not answer; nothing was done.
    #[error("this is not possible at present: {0}")]
    Unavailable(String),
    /// An invariant broke. The session must be closed.
    #[error("an internal fault: {0}")]
    Fault(String),
}

/// What is wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// 1 to 500 characters are needed.
    #[error("the purpose")]
    Purpose,
    /// 1 to 20 technicians of one's own supplier, each with a key for SSH.
    #[error("the technicians")]
    Technicians,
    /// It ends after it begins, lasts 31 days at most and begins within 90.
    #[error("the window")]
    Window,
    /// At least one right.
    #[error("the rights")]
    Rights,
    /// 20 ranges at most.
    #[error("the sources")]
    Sources,
    /// 120 characters at most.
    #[error("the ticket")]
    Ticket,
    /// The equipment cannot be had.
    #[error("the equipment")]
    Equipment,
    /// Too many requests wait already.
    #[error("the number of requests that wait")]
    TooMany,
    /// A name of lower-case letters, digits and hyphens, not in use.
    #[error("the name")]
    Name,
    /// A host and a port.
    #[error("the address")]
    Address,
    /// `type base64`, as OpenSSH writes it.
    #[error("the host key")]
    HostKey,
    /// A login, and a password or a private key.
    #[error("the login or the secret")]
    Secret,
    /// At least one, beneficiaries by their role, and as many as the quorum.
    #[error("the beneficiaries or the quorum")]
    Beneficiaries,
    /// Too long, or empty.
    #[error("the text")]
    Text,
}

impl From<JournalError> for InterventionError {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::Revoked => InterventionError::Ended,
            JournalError::Store(error) => error.into(),
            JournalError::OutOfScope | JournalError::TooMany | JournalError::Malformed(_) | JournalError::Fault => {
                InterventionError::Fault(error.to_string())
            }
            other => InterventionError::Unavailable(other.to_string()),
        }
    }
}

impl From<StoreError> for InterventionError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Malformed(_) => InterventionError::Fault(error.to_string()),
            StoreError::Conflict => InterventionError::Conflict,
            other => InterventionError::Unavailable(other.to_string()),
        }
    }
}

/// What is to be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TermsKind {
    /// An approval.
    Approve,
    /// A later end.
    Extend {
        /// The new end.
        until: Time,
    },
    /// "Do not interrupt".
    Hold {
        /// Until when; 24 hours ahead at most.
        until: Time,
    },
}

/// Terms, to be read by a person and signed by his passkey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TermsToSign {
    /// The canonical bytes.
    pub bytes: Vec<u8>,
    /// What the passkey signs.
    pub challenge: Challenge,
    /// To be given back with the assertion; good for ten minutes, once.
    pub nonce: String,
    /// The passkeys that may sign.
    pub credentials: Vec<Vec<u8>>,
}

/// A signature over terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signed {
    /// Made by the person's passkey.
    Assertion {
        /// See [`TermsToSign::nonce`].
        nonce: String,
        /// What the passkey answered.
        assertion: Assertion,
    },
    /// To be made here by the demonstration's software passkey. Refused where there is none.
    Here,
}

/// Signs for an account: the demonstration's software passkey. Implemented in crate `demo` only; a production node
/// refuses to start with one.
pub trait Signer: Send + Sync {
    /// Signs a challenge, if the account has a software passkey.
    fn sign(&self, account: AccountId, challenge: &Challenge) -> Option<Assertion>;
}

/// What the service is made of.
pub struct InterventionsParts {
    /// To read from.
    pub store: Store,
    /// To act through.
    pub journal: Journal,
    /// Who may do what.
    pub policies: Arc<Policies>,
    /// The keys of `door`.
    pub keys: Keys,
    /// Seals what opens an equipment: only the relays' door reads it.
    pub equipment_keys: SealOnly,
    /// The node's leases.
    pub leases: Leases,
    /// The keys pinned in the configuration.
    pub pinned: Arc<Pinned>,
    /// Through which door.
    pub door: Door,
}

pub(crate) struct Inner {
    pub(crate) parts: InterventionsParts,
    pub(crate) recordings: Option<Recordings>,
    pub(crate) reader: Option<RecordingsReader>,
    pub(crate) live: Arc<dyn LiveSessions>,
    pub(crate) signer: Option<Arc<dyn Signer>>,
}

/// The interventions of one door. Clones are handles.
#[derive(Clone)]
pub struct InterventionService(pub(crate) Arc<Inner>);

/// What the service gains before it is shared.
pub struct InterventionsBuilder(Inner);

impl InterventionsBuilder {
    /// What records sessions: the relays' side.
    pub fn recordings(mut self, recordings: Recordings) -> Self {
        self.0.recordings = Some(recordings);
        self
    }

    /// What opens recordings: the desk's side.
    pub fn reader(mut self, reader: RecordingsReader) -> Self {
        self.0.reader = Some(reader);
        self
    }

    /// Where the sessions run.
    pub fn live(mut self, live: Arc<dyn LiveSessions>) -> Self {
        self.0.live = live;
        self
    }

    /// The demonstration's software passkey.
    pub fn with_signer(mut self, signer: Arc<dyn Signer>) -> Self {
        self.0.signer = Some(signer);
        self
    }

    /// The service.
    pub fn build(self) -> InterventionService {
        InterventionService(Arc::new(self.0))
    }
}

type Answer<T> = Result<T, InterventionError>;

fn unfinished<T>() -> Answer<T> {
    Err(InterventionError::Unavailable("unfinished".into()))
}

impl InterventionService {
    /// For one door, with that door's keys.
    pub fn builder(parts: InterventionsParts) -> InterventionsBuilder {
        InterventionsBuilder(Inner { parts, recordings: None, reader: None, live: Arc::new(NoSessions), signer: None })
    }

    /// What the relays ask.
    pub fn gate(&self) -> Gate {
        Gate(self.clone())
    }

    /// Asks for an intervention.
    pub async fn request(&self, _who: &Authenticated, _new: NewRequest) -> Answer<InterventionId> {
        unfinished()
    }

    /// Takes a request back.
    pub async fn withdraw(&self, _who: &Authenticated, _id: InterventionId) -> Answer<()> {
        unfinished()
    }

    /// Refuses, with a reason.
    pub async fn refuse(&self, _who: &Authenticated, _id: InterventionId, _reason: &str) -> Answer<()> {
        unfinished()
    }

    /// Opens an approved intervention within its window.
    pub async fn open(&self, _who: &Authenticated, _id: InterventionId) -> Answer<()> {
        unfinished()
    }

    /// Closes an intervention; sessions that run in it end, unless "do not interrupt" holds them.
    pub async fn close(&self, _who: &Authenticated, _id: InterventionId) -> Answer<()> {
        unfinished()
    }

    /// Cuts an intervention and all that runs in it. Acts first; the trace follows when it can.
    pub async fn cut(&self, _who: &Authenticated, _id: InterventionId, _reason: &str) -> Answer<()> {
        unfinished()
    }

    /// What is to be signed by this person, now.
    pub async fn terms(&self, _who: &Authenticated, _id: InterventionId, _kind: TermsKind) -> Answer<TermsToSign> {
        unfinished()
    }

    /// Approves.
    pub async fn approve(&self, _who: &Authenticated, _id: InterventionId, _signed: Signed) -> Answer<()> {
        unfinished()
    }

    /// Moves the end; in force once as many have signed as the approval took.
    pub async fn extend(&self, _who: &Authenticated, _id: InterventionId, _until: Time, _signed: Signed) -> Answer<()> {
        unfinished()
    }

    /// Sets "do not interrupt".
    pub async fn hold(&self, _who: &Authenticated, _id: InterventionId, _until: Time, _signed: Signed) -> Answer<()> {
        unfinished()
    }

    /// Lifts "do not interrupt".
    pub async fn release_hold(&self, _who: &Authenticated, _id: InterventionId) -> Answer<()> {
        unfinished()
    }

    /// The interventions that this person may see, newest first.
    pub async fn list(&self, _who: &Authenticated, _filter: &Filter) -> Answer<Page<Intervention>> {
        unfinished()
    }

    /// One intervention, with its history.
    pub async fn get(&self, _who: &Authenticated, _id: InterventionId) -> Answer<Intervention> {
        unfinished()
    }

    /// The establishment's equipment, as far as the person's role shows it: suppliers' people see names and places only.
    pub async fn equipment(&self, _who: &Authenticated) -> Answer<Vec<Equipment>> {
        unfinished()
    }

    /// One equipment.
    pub async fn equipment_for(&self, _who: &Authenticated, _id: EquipmentId) -> Answer<Equipment> {
        unfinished()
    }

    /// The establishment's suppliers.
    pub async fn suppliers(&self, _who: &Authenticated) -> Answer<Vec<Supplier>> {
        unfinished()
    }

    /// Registers a supplier.
    pub async fn register_supplier(&self, _who: &Authenticated, _name: &str) -> Answer<SupplierId> {
        unfinished()
    }

    /// What an administrator signs to register an equipment, or to change `id`. The identifier goes back with the
    /// signature.
    pub async fn equipment_terms(
        &self,
        _who: &Authenticated,
        _id: Option<EquipmentId>,
        _new: &NewEquipment,
    ) -> Answer<(EquipmentId, TermsToSign)> {
        unfinished()
    }

    /// Registers or changes an equipment; without a secret the one that is there stays.
    pub async fn register_equipment(
        &self,
        _who: &Authenticated,
        _id: EquipmentId,
        _new: NewEquipment,
        _secret: Option<EquipmentSecret>,
        _signed: Signed,
    ) -> Answer<()> {
        unfinished()
    }

    /// The sessions that this person may see, newest first.
    pub async fn sessions(&self, _who: &Authenticated, _filter: &Filter) -> Answer<Page<RelaySession>> {
        unfinished()
    }

    /// One session.
    pub async fn session(&self, _who: &Authenticated, _relay: RelayId) -> Answer<RelaySession> {
        unfinished()
    }

    /// Cuts a session, and with it its intervention: nobody comes back through the same approval.
    pub async fn cut_session(&self, _who: &Authenticated, _relay: RelayId, _reason: &str) -> Answer<()> {
        unfinished()
    }

    /// Watches a live session; traced before the first picture.
    pub async fn watch(&self, _who: &Authenticated, _relay: RelayId) -> Answer<LiveFeed> {
        unfinished()
    }

    /// Opens the recording of a session's channel; traced before the first byte.
    pub async fn recording(&self, _who: &Authenticated, _relay: RelayId, _channel: u32) -> Answer<RecordingReader> {
        unfinished()
    }

    /// Notes windows that are over and sessions that a stop left open, and writes down cuts that only the reserve knows.
    /// The node calls it at start, before the relays listen, and then every few seconds.
    pub async fn keep_house(&self) -> Answer<()> {
        Ok(())
    }
}

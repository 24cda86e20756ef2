//! What pages and interfaces ask, its core: errors, parts, decisions, signatures. The acts stand in `acts`, `equipment`,
//! `lists`, `sessions`. Each method loads the facts, decides, acts or reads within the scope, traces.

use crate::{
    gate::Gate,
    live::{LiveSessions, NoSessions},
    model::{Step, StepKind},
    people,
    recording::{Recordings, RecordingsReader},
    rows::NewStep,
    sql::{self, InterventionRow},
    terms::{Challenge, Nonce, Terms},
    warrant::{Evidence, Pins, SignatureRow},
};
use data_encoding::HEXLOWER;
use identity::{Authenticated, passkey::Assertion, signed::TermsToSign};
use journal::{Journal, JournalError, Refusal};
use lease::Leases;
use policy::{Action, Authorized, Denied, Facts, Lacking, Matter, Policies};
use std::sync::Arc;
use store::{ReadConnection, Store, StoreError};
use types::{AccountId, Door, EstablishmentId, Event, InterventionId, Time};
use vault::{Keys, MonthKeys, SealOnly, VaultError};
use vouched::nonce;

/// Why something was not done or not shown.
#[derive(Debug, thiserror::Error)]
pub enum InterventionError {
    /// Absent or forbidden: the same to whoever asks.
    #[error("there is nothing here for this person")]
    NotFound,
    /// The same person has to prove more firmly, or again, who he is.
    #[error("this asks for {0}")]
    Lacking(Lacking),
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
            error if error.is_fault() => InterventionError::Fault(error.to_string()),
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

impl From<VaultError> for InterventionError {
    fn from(error: VaultError) -> Self {
        InterventionError::Fault(error.to_string())
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
    pub pinned: Pins,
    /// Through which door.
    pub door: Door,
}

pub(crate) struct Inner {
    pub(crate) parts: InterventionsParts,
    pub(crate) recordings: Option<Recordings>,
    pub(crate) reader: Option<RecordingsReader>,
    pub(crate) secrets: Option<MonthKeys>,
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

    /// What opens the equipment's secrets: the relays' side.
    pub fn secrets(mut self, secrets: MonthKeys) -> Self {
        self.0.secrets = Some(secrets);
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

pub(crate) type Answer<T> = Result<T, InterventionError>;

/// A decision about an intervention, with what it was about.
pub(crate) struct Asked<A: Action> {
    pub authorized: Authorized<A>,
    pub row: InterventionRow,
    /// The name of the one who asks.
    pub name: String,
}

impl InterventionService {
    /// For one door, with that door's keys.
    pub fn builder(parts: InterventionsParts) -> InterventionsBuilder {
        let live = Arc::new(NoSessions);
        InterventionsBuilder(Inner { parts, recordings: None, reader: None, secrets: None, live, signer: None })
    }

    /// What the relays ask.
    pub fn gate(&self) -> Gate {
        Gate(self.clone())
    }

    pub(crate) fn parts(&self) -> &InterventionsParts {
        &self.0.parts
    }

    pub(crate) fn now(&self) -> Time {
        self.0.parts.journal.now()
    }

    pub(crate) async fn read(&self) -> Result<ReadConnection, StoreError> {
        self.0.parts.store.read().await
    }

    /// Where the one who asks holds his rights, and his account. Parts of the system have neither.
    pub(crate) fn at(&self, who: &Authenticated) -> Answer<(EstablishmentId, AccountId)> {
        who.establishment().zip(who.account()).ok_or(InterventionError::NotFound)
    }

    /// The one who asks, as the accounts have him.
    pub(crate) async fn me(&self, who: &Authenticated) -> Answer<people::sql::Person> {
        let mut connection = self.read().await?;
        let found = people::sql::person(&mut connection, &self.0.parts.keys, self.at(who)?).await?;
        found.ok_or(InterventionError::NotFound)
    }

    /// What a decision needs to know, about somebody and something.
    pub(crate) fn about(me: Option<&people::sql::Person>, matter: Option<Matter>) -> Facts {
        Facts { supplier: me.and_then(|me| me.supplier), matter, ..Facts::default() }
    }

    /// Decides; what is refused is traced and answered like what is absent.
    pub(crate) async fn decide<A: Action>(
        &self,
        who: &Authenticated,
        action: A,
        facts: &Facts,
    ) -> Answer<Authorized<A>> {
        let target = action.target().unwrap_or_else(|| A::EVENT.to_string());
        match self.0.parts.policies.decide(who, action, facts, self.now()) {
            Ok(authorized) => Ok(authorized),
            Err(Denied::Fault) => Err(InterventionError::Fault("a policy could not be evaluated".into())),
            Err(why) => {
                self.refused(who, &target, &why.to_string()).await?;
                Err(why.lacking().map_or(InterventionError::NotFound, InterventionError::Lacking))
            }
        }
    }

    /// Loads an intervention and decides about it.
    pub(crate) async fn ask<A: Action>(&self, who: &Authenticated, id: InterventionId, action: A) -> Answer<Asked<A>> {
        let (establishment, _) = self.at(who)?;
        let me = self.me(who).await?;
        let mut connection = self.read().await?;
        let row = sql::intervention(&mut connection, &self.0.parts.keys, (establishment, id)).await?;
        drop(connection);
        let Some(row) = row else {
            return Err(self.not_found(who, &format!("intervention:{id}"), "absent").await);
        };
        let authorized = self.decide(who, action, &Self::about(Some(&me), Some(row.matter()))).await?;
        Ok(Asked { authorized, row, name: me.name })
    }

    /// A traced refusal, and the answer to whatever is absent or forbidden.
    pub(crate) async fn not_found(&self, who: &Authenticated, what: &str, why: &str) -> InterventionError {
        match self.refused(who, what, why).await {
            Ok(()) => InterventionError::NotFound,
            Err(error) => error,
        }
    }

    pub(crate) async fn refused(&self, who: &Authenticated, what: &str, why: &str) -> Answer<()> {
        let refusal = Refusal { target: what.to_owned(), reason: why.to_owned() };
        Ok(self.0.parts.journal.refuse(who, Event::Refused, &refusal).await?)
    }

    /// A signature that does not fit: traced with the exact reason.
    pub(crate) async fn bad_signature<T>(&self, who: &Authenticated, why: &str) -> Answer<T> {
        self.refused(who, "signature", why).await?;
        Err(InterventionError::BadSignature)
    }

    /// All that was signed for an intervention, as the rows have it, with signers' names and moments. `more` are further
    /// passkeys to load.
    pub(crate) async fn evidence(
        &self,
        row: &InterventionRow,
        more: &[Vec<u8>],
    ) -> Answer<(Evidence, Vec<(SignatureRow, String, Time)>)> {
        let keys = &self.0.parts.keys;
        let mut connection = self.read().await?;
        let signed = sql::signatures(&mut connection, keys, row.terms.id).await?;
        let mut wanted = more.to_vec();
        wanted.push(row.equipment.signature.assertion.credential.clone());
        wanted.extend(signed.iter().map(|(signature, ..)| signature.assertion.credential.clone()));
        let passkeys = vouched::passkeys(&mut connection, keys, wanted).await?;
        let evidence = Evidence {
            state: row.state,
            terms: row.terms.clone(),
            equipment_signature: Some(row.equipment.signature.clone()),
            signatures: signed.iter().map(|(signature, ..)| signature.clone()).collect(),
            passkeys,
        };
        Ok((evidence, signed))
    }

    /// A step of an intervention's history, sealed.
    pub(crate) fn step(
        &self,
        intervention: InterventionId,
        act: StepKind,
        by: &str,
        note: impl Into<String>,
    ) -> Answer<NewStep> {
        let step = Step { at: self.now(), act, by: by.to_owned(), note: note.into() };
        Ok(NewStep::new(&self.0.parts.keys, intervention, &step)?)
    }

    /// Terms to be signed by somebody, with a fresh nonce.
    pub(crate) async fn to_sign(&self, account: AccountId, terms: &Terms, bound: &[&[u8]]) -> Answer<TermsToSign> {
        let nonce = nonce::draw(&self.0.parts.keys, bound, self.now())?;
        let mut connection = self.read().await?;
        let credentials = vouched::passkeys_of(&mut connection, account).await?;
        let bytes = terms.bytes(&nonce);
        let challenge = terms.challenge(&nonce);
        Ok(TermsToSign { bytes, challenge, nonce: HEXLOWER.encode(&nonce), credentials })
    }

    /// The nonce and the assertion of a signature; made here if that is what was asked and can be done.
    pub(crate) fn signature(
        &self,
        account: AccountId,
        terms: &Terms,
        bound: &[&[u8]],
        signed: Signed,
    ) -> Answer<(Nonce, Assertion)> {
        let keys = &self.0.parts.keys;
        match signed {
            Signed::Assertion { nonce, assertion } => {
                let bytes = HEXLOWER.decode(nonce.as_bytes()).map_err(|_| InterventionError::BadSignature)?;
                let nonce: Nonce = bytes.try_into().map_err(|_| InterventionError::BadSignature)?;
                let good = nonce::is_good(keys, &nonce, bound, self.now());
                good.then_some((nonce, assertion)).ok_or(InterventionError::BadSignature)
            }
            Signed::Here => {
                let nonce = nonce::draw(keys, bound, self.now())?;
                let signer = self.0.signer.as_ref();
                let assertion = signer.and_then(|signer| signer.sign(account, &terms.challenge(&nonce)));
                Ok((nonce, assertion.ok_or(InterventionError::BadSignature)?))
            }
        }
    }
}

//! The journal as the other crates hold it.

use crate::{
    Offer, Outcome, Refusals, Withheld,
    entry::{Body, Kind},
    log::{Checkpoint, Log, LogError, Reserve, State},
    retention::Keeper,
    seal::{Act, Seals},
    trace::{body_of, folded_body, target_of},
};
use identity::Authenticated;
use policy::{Authorized, Disclosure, HealthRead, Subject};
use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};
use store::{StoreError, WriteDoor};
use tokio::sync::{Semaphore, watch};
use tokio_util::task::TaskTracker;
use types::{
    AccountId, Clock, Event, Extra, InterventionId, Purpose, RelayId, SessionId, SystemActor, Time, TraceId,
    limits::{AUTHORIZED_SECONDS_MAX, PAGE_OBJECTS_MAX},
};
use vault::{VaultError, random};

/// Why something was not traced; whatever it was did not happen.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The proof is past its expiry.
    #[error("the authorization has expired")]
    Expired,
    /// The session was ended meanwhile.
    #[error("the session was ended meanwhile")]
    Revoked,
    /// The log does not take entries.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A key is missing or refused.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The database refused the effect; nothing of it remains.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Whether the effect was done is not known yet; the journal will say.
    #[error("it is not known yet whether this was done; the journal will say so")]
    Unsettled,
    /// The effect panicked.
    #[error("the effect stopped on an internal fault")]
    Fault,
    /// More objects than one trace may name.
    #[error("a page names more than {PAGE_OBJECTS_MAX} objects")]
    TooMany,
    /// What is to be released is not within the authorization.
    #[error("what was read is not within the authorization")]
    OutOfScope,
    /// The folder holds less than the database or a witness remembers of it, or something else: going on would sign a second
    /// history.
    #[error(
        "{folder} is not the journal that is remembered: {what}. Put the newest copy back; or, if it is lost, \
         start once with --new-origin: a new journal begins, declares what is missing and goes on"
    )]
    Behind {
        /// Which folder.
        folder: String,
        /// What is missing or other.
        what: String,
    },
    /// The journal does not verify: nothing of it is destroyed.
    #[error("the journal does not verify, so nothing of it is destroyed at its term: {0}")]
    Altered(String),
    /// An entry is not well-formed.
    #[error("{0}")]
    Malformed(String),
}

impl JournalError {
    /// Whether an invariant broke, rather than something that was refused or does not answer: whoever's session met it, it is
    /// closed (acces-web DT8).
    pub const fn is_fault(&self) -> bool {
        matches!(self, Self::OutOfScope | Self::TooMany | Self::Malformed(_) | Self::Fault)
    }
}

/// Where the journal is.
#[derive(Debug, Clone)]
pub struct JournalConfig {
    /// The folder `journal/`; this node's log is in `journal/<origin>/`.
    pub folder: PathBuf,
    /// The folder of the months' keys.
    pub month_keys: PathBuf,
    /// This node's name in the journal.
    pub origin: String,
    /// Slots of the reserve; see [`LogConfig`].
    pub reserve_slots: u32,
}

/// What a trace keeps of an address or a text that somebody sent.
const TARGET_CHARS_MAX: usize = 256;
/// Traces beyond the minimum that may be on their way: a disk that hangs must not pile them up.
pub(crate) const EXTRAS_UNDER_WAY_MAX: usize = 256;
/// How long whoever asks waits for a trace beyond the minimum.
const EXTRA_WAIT_MAX: Duration = Duration::from_millis(250);

/// Something refused, for the trace.
#[derive(Debug, Clone, Default)]
pub struct Refusal {
    /// On what, in our words: a route, an identifier.
    pub target: String,
    /// Why.
    pub reason: String,
}

pub(crate) struct Inner {
    pub(crate) log: Log,
    pub(crate) reserve: Reserve,
    pub(crate) door: WriteDoor,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) seals: Seals,
    pub(crate) refusals: Mutex<Refusals>,
    pub(crate) revoked: RwLock<HashMap<Revoked, Time>>,
    pub(crate) keeper: Keeper,
    /// For traces beyond the minimum.
    pub(crate) extras_places: Arc<Semaphore>,
    pub(crate) tasks: TaskTracker,
    pub(crate) origin: String,
}

/// The journal of a node. Clones are handles to the same one.
#[derive(Clone)]
pub struct Journal(pub(crate) Arc<Inner>);

/// What can be revoked. The number is what the reserve keeps; it never changes once shipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Revoked {
    /// Somebody's session (1).
    Session(SessionId),
    /// A technician's session through a relay, and its lease (2).
    Relay(RelayId),
    /// An intervention: no session opens in it again (3).
    Matter(InterventionId),
    /// An account that was locked while that could not be recorded: nobody comes in by it (4).
    Account(AccountId),
}

impl Revoked {
    fn kept(self) -> (u8, [u8; 16]) {
        match self {
            Revoked::Session(id) => (1, *id.as_bytes()),
            Revoked::Relay(id) => (2, *id.as_bytes()),
            Revoked::Matter(id) => (3, *id.as_bytes()),
            Revoked::Account(id) => (4, *id.as_bytes()),
        }
    }

    pub(crate) fn known(kind: u8, subject: [u8; 16]) -> Option<Self> {
        match kind {
            1 => Some(Revoked::Session(SessionId::from_bytes(subject))),
            2 => Some(Revoked::Relay(RelayId::from_bytes(subject))),
            3 => Some(Revoked::Matter(InterventionId::from_bytes(subject))),
            4 => Some(Revoked::Account(AccountId::from_bytes(subject))),
            _ => None,
        }
    }
}

impl Journal {
    /// The present moment, by the journal's clock.
    pub fn now(&self) -> Time {
        self.0.clock.now()
    }

    /// This journal's name, and its folder's: the configured one, or the one that goes on in its place.
    pub fn origin(&self) -> &str {
        &self.0.origin
    }

    /// How the log fares.
    pub fn state(&self) -> watch::Receiver<State> {
        self.0.log.state()
    }

    /// The checkpoint, each time it moves.
    pub fn checkpoint(&self) -> watch::Receiver<Checkpoint> {
        self.0.log.checkpoint()
    }

    /// How many entries are durable.
    pub fn entries(&self) -> u64 {
        self.0.log.entries()
    }

    /// Records something that happened without any effect of ours.
    pub async fn note(&self, who: &Authenticated, event: Event, detail: Option<String>) -> Result<(), JournalError> {
        let body = Body { detail, ..self.body_of(&Subject::of(who), None) };
        self.append(Kind::Note, event, None, &body).await.map(|_| ())
    }

    /// Records that somebody recognised asked for something, if that is to be recorded beyond the minimum: `extra` names
    /// the type. What is recorded anyway is recorded beside it. It is waited for a moment only: what comes after it may be
    /// a cut, and a disk may hang.
    pub async fn note_extra(&self, who: &Authenticated, extra: Extra, target: &str) -> Result<(), JournalError> {
        let Some(event) = extra.event().filter(|_| self.extras().has(extra)) else { return Ok(()) };
        let target = Some(target.chars().take(TARGET_CHARS_MAX).collect());
        let body = Body { target, ..self.body_of(&Subject::of(who), None) };
        let Ok(place) = Arc::clone(&self.0.extras_places).try_acquire_owned() else {
            return Err(JournalError::Unsettled);
        };
        let journal = self.clone();
        let noted = self.own(async move {
            let noted = journal.append(Kind::Note, event, None, &body).await;
            drop(place);
            noted.map(|_| ())
        });
        match tokio::time::timeout(EXTRA_WAIT_MAX, noted).await {
            Ok(noted) => noted.map_err(|_| JournalError::Fault)?,
            Err(_) => Err(JournalError::Unsettled),
        }
    }

    /// Records something of the node's own life.
    pub async fn note_node(&self, event: Event, detail: Option<String>) -> Result<(), JournalError> {
        let node = identity::system_actor(SystemActor::Node, None, self.now());
        self.note(&node, event, detail).await
    }

    /// Records a refusal, or counts it when its source has been refused too often in this minute.
    pub async fn refuse(&self, who: &Authenticated, event: Event, refusal: &Refusal) -> Result<(), JournalError> {
        let subject = Subject::of(who);
        let author = subject.actor.to_string();
        let now = self.now();
        let offer = match subject.address {
            Some(address) => {
                let mut refusals = self.0.refusals.lock().unwrap_or_else(PoisonError::into_inner);
                refusals.offer(address.source(), event, &author, &refusal.target, now)
            }
            None => Offer::Write,
        };
        if offer == Offer::Folded {
            return Ok(());
        }
        let body = Body {
            target: Some(refusal.target.chars().take(TARGET_CHARS_MAX).collect()),
            detail: Some(refusal.reason.clone()),
            ..self.body_of(&subject, None)
        };
        self.append(Kind::Refusal, event, None, &body).await.map(|_| ())
    }

    /// Writes the folded refusals of the minute that ended; `all` writes them in any case. Called every second by the node.
    pub async fn fold(&self, all: bool) -> Result<(), JournalError> {
        let now = self.now();
        let due = {
            let mut refusals = self.0.refusals.lock().unwrap_or_else(PoisonError::into_inner);
            if all { refusals.take() } else { refusals.due(now) }
        };
        for folded in due {
            self.append(Kind::Folded, Event::RefusalsFolded, None, &folded_body(folded)).await?;
        }
        Ok(())
    }

    /// Opens withheld health data: one durable entry names the patients and objects, then the value is given. What was
    /// read must lie within this very authorization.
    pub async fn release<A: HealthRead, T>(
        &self,
        authorized: Authorized<A>,
        withheld: Withheld<T>,
    ) -> Result<T, JournalError> {
        self.in_force(authorized.expires(), authorized.subject().session, false)?;
        let (patients, objects) = withheld.names();
        if objects.len() > PAGE_OBJECTS_MAX || patients.len() > PAGE_OBJECTS_MAX {
            return Err(JournalError::TooMany);
        }
        let scope = authorized.scope();
        let within = patients.iter().all(|patient| scope.admits_person(*patient))
            && objects.iter().all(|object| scope.admits(object));
        if !within {
            return Err(JournalError::OutOfScope);
        }
        let mut named = authorized.action().patients();
        named.extend(patients);
        named.sort_unstable();
        named.dedup();
        let body = Body {
            patients: named.iter().map(ToString::to_string).collect(),
            objects: objects.iter().map(|object| format!("{}/{}", object.category, object.id)).collect(),
            ..self.body_of(authorized.subject(), Some(authorized.purpose()))
        };
        self.append(Kind::Released, A::EVENT, None, &body).await?;
        Ok(withheld.open())
    }

    /// Writes down that something which is not health data is about to be shown (a live session, a recording, traces):
    /// one durable entry, final; then the action is given back, and with it its target.
    pub async fn disclose<A: Disclosure>(&self, authorized: Authorized<A>) -> Result<A, JournalError> {
        self.in_force(authorized.expires(), authorized.subject().session, false)?;
        let (action, subject, purpose, _) = authorized.into_parts();
        let patients = action.patients().iter().map(ToString::to_string).collect();
        let (target, detail) = (target_of(&action), action.detail());
        let body = Body { patients, target, detail, ..self.body_of(&subject, Some(purpose)) };
        self.append(Kind::Released, A::EVENT, None, &body).await?;
        Ok(action)
    }

    /// Records something that happened in what somebody was authorized to do and that outlasts his proof: a command in a
    /// relay's session, an alarm.
    pub async fn note_of(
        &self,
        subject: &Subject,
        event: Event,
        target: Option<String>,
        detail: Option<String>,
    ) -> Result<(), JournalError> {
        let body = Body { target, detail, ..self.body_of(subject, None) };
        self.append(Kind::Note, event, None, &body).await.map(|_| ())
    }

    /// A proof is refused past its expiry, when it claims to last longer than any may (a clock set back, or a made-up
    /// moment), and once its session is revoked: a cut also reaches the requests under way.
    pub(crate) fn in_force(
        &self,
        expires: Time,
        session: Option<SessionId>,
        ends_it: bool,
    ) -> Result<(), JournalError> {
        let now = self.now();
        let longest = now + std::time::Duration::from_secs(AUTHORIZED_SECONDS_MAX);
        if now >= expires || expires > longest {
            return Err(JournalError::Expired);
        }
        if !ends_it && session.is_some_and(|session| self.is_revoked(session)) {
            return Err(JournalError::Revoked);
        }
        Ok(())
    }

    /// Whether a session was revoked; asked before any session is honored.
    pub fn is_revoked(&self, session: SessionId) -> bool {
        self.has_revoked(Revoked::Session(session))
    }

    /// Whether anything was revoked: a session, a relay's session, an intervention, an account.
    pub fn has_revoked(&self, what: Revoked) -> bool {
        self.0.revoked.read().unwrap_or_else(PoisonError::into_inner).contains_key(&what)
    }

    /// The interventions whose revocation is in force: after a restart their rows may not know it yet.
    pub fn revoked_matters(&self) -> Vec<InterventionId> {
        let revoked = self.0.revoked.read().unwrap_or_else(PoisonError::into_inner);
        let matter = |what: &Revoked| match what {
            Revoked::Matter(id) => Some(*id),
            _ => None,
        };
        revoked.keys().filter_map(matter).collect()
    }

    /// Revokes a session at once: in memory, then in the reserve on disk. Waits neither for the log nor for the
    /// database; the error says only that the revocation would not survive a crash of this node.
    pub async fn revoke(&self, session: SessionId, until: Time) -> Result<(), JournalError> {
        self.revoke_any(Revoked::Session(session), until).await
    }

    /// The first half of a revocation, in memory: in force when this returns.
    pub fn revoke_here(&self, what: Revoked, until: Time) {
        let now = self.now();
        let mut revoked = self.0.revoked.write().unwrap_or_else(PoisonError::into_inner);
        revoked.retain(|_, end| *end > now);
        let end = revoked.entry(what).or_insert(until);
        *end = until.max(*end);
    }

    /// [`Journal::revoke`] for anything that can be revoked.
    pub async fn revoke_any(&self, what: Revoked, until: Time) -> Result<(), JournalError> {
        let now = self.now();
        self.revoke_here(what, until);
        let inner = Arc::clone(&self.0);
        let (kind, subject) = what.kept();
        tokio::task::spawn_blocking(move || inner.reserve.record(kind, subject, now, until))
            .await
            .map_err(|_| JournalError::Fault)??;
        Ok(())
    }

    /// Takes a revocation back, where something else has come in its place: a lock that the database knows now.
    pub async fn lift(&self, what: Revoked) -> Result<(), JournalError> {
        if self.0.revoked.write().unwrap_or_else(PoisonError::into_inner).remove(&what).is_none() {
            return Ok(());
        }
        let inner = Arc::clone(&self.0);
        let (kind, subject) = what.kept();
        let lifted = tokio::task::spawn_blocking(move || inner.reserve.lift(kind, subject)).await;
        Ok(lifted.map_err(|_| JournalError::Fault)??)
    }

    /// Runs something to its end, whether or not whoever asked still waits; a clean stop waits for it.
    pub fn own<F>(&self, task: F) -> tokio::task::JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        self.0.tasks.spawn(task)
    }

    /// Tasks given to [`Journal::own`] that are not over: what was answered may still be on its way to the disk with them.
    pub fn under_way(&self) -> usize {
        self.0.tasks.len()
    }

    /// Ends: waits for the running effects, writes what was folded, records the stop, closes the log.
    pub async fn close(self) -> Result<(), JournalError> {
        self.0.tasks.close();
        self.0.tasks.wait().await;
        self.fold(true).await?;
        self.note_node(Event::NodeStopped, None).await?;
        let closed = self.0.log.clone().close().await;
        self.remember_head().await;
        self.0.door.close().await;
        Ok(closed?)
    }

    /// A subject as a trace names it, with what is to be recorded beyond the minimum.
    pub(crate) fn body_of(&self, subject: &Subject, purpose: Option<Purpose>) -> Body {
        body_of(subject, purpose, self.extras())
    }

    /// Seals and appends an entry under a new trace; durable when it returns.
    pub(crate) async fn append(
        &self,
        kind: Kind,
        event: Event,
        outcome: Option<Outcome>,
        body: &Body,
    ) -> Result<TraceId, JournalError> {
        let trace = TraceId::from_bytes(random()?);
        self.append_as(kind, event, (trace, outcome), body).await?;
        Ok(trace)
    }

    pub(crate) async fn append_as(
        &self,
        kind: Kind,
        event: Event,
        (trace, outcome): (TraceId, Option<Outcome>),
        body: &Body,
    ) -> Result<(), JournalError> {
        let act = (kind, event, (trace, outcome));
        self.append_act(act, body, None).await
    }

    /// Seals and appends an entry with a statement in clear beside its body; durable when it returns.
    pub(crate) async fn append_stating(
        &self,
        event: Event,
        statement: Vec<u8>,
        body: &Body,
    ) -> Result<(), JournalError> {
        let trace = TraceId::from_bytes(random()?);
        self.append_act((Kind::Note, event, (trace, None)), body, Some(statement)).await
    }

    async fn append_act(
        &self,
        (kind, event, (trace, outcome)): (Kind, Event, (TraceId, Option<Outcome>)),
        body: &Body,
        statement: Option<Vec<u8>>,
    ) -> Result<(), JournalError> {
        let inner = &self.0;
        let (context, time) = inner.seals.of(event.family(), &inner.log, &*inner.clock).await?;
        let act = Act { kind, event, trace, outcome, time, clock: inner.clock.state() };
        let entry = match statement {
            None => context.entry(&act, body)?,
            Some(statement) => context.entry_stating(&act, body, statement)?,
        };
        Ok(inner.log.append(entry).await.map(|_| ())?)
    }
}

//! What the relays ask: may this technician, with this key, from there, reach this equipment now?

use crate::{
    equipment::open_secret,
    files::{CHARS_TRACED, FileAct},
    life,
    model::{ChannelSummary, EquipmentSecret, State, StepKind},
    people::sql::Person,
    recording::Recorder,
    rows::{NewStep, RawSession},
    service::InterventionService,
    sessions::sql::{self as sessions, SessionInsert},
    sql::{self, InterventionRow},
    warrant::{NoWarrant, Warrant},
};
use aws_lc_rs::digest;
use data_encoding::HEXLOWER;
use identity::{Authenticated, system_actor};
use journal::{Applied, Effect, Outcome, WriteTx};
use lease::{EndReason, Lease, LeaseError, LeaseTerms};
use policy::{Authorized, CloseRelay, OpenRelay};
use std::time::Duration;
use store::StoreError;
use types::{AccountId, ClientAddress, Event, InterventionId, RelayId, SupplierId, SystemActor, Time};
use vault::random;

/// Why there is no session. It says nothing but what he who may have it can do for it: the exact reason is in the trace and in the intervention's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GateRefused {
    /// Absent, forbidden, too early, too late, not approved, forged: all alike.
    #[error("this session is not possible")]
    Refused,
    /// The policies ask for a passkey: the same session is possible once it was approved in the browser, signed in by one.
    #[error("this session asks for a passkey")]
    Passkey,
    /// A store, the journal or the recordings do not answer; nothing was opened.
    #[error("sessions are not possible at present")]
    Unavailable,
}

/// A target that a technician may reach now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The target's name.
    pub target: String,
    /// In which intervention.
    pub intervention: InterventionId,
    /// Until when.
    pub until: Time,
}

/// A technician at the relays' door, recognised by his key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AtGate {
    /// Whose account.
    pub account: AccountId,
    /// Whose technician.
    pub supplier: Option<SupplierId>,
}

/// A session to open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionAsked {
    /// `SHA256:…` of the key that he came with.
    pub fingerprint: String,
    /// From where.
    pub address: ClientAddress,
    /// The target's name.
    pub target: String,
}

/// A session that may begin: whoever holds the lease must end when it is cut.
pub struct Opened {
    /// Which.
    pub relay: RelayId,
    /// What it lives by.
    pub lease: Lease,
    /// What was approved.
    pub warrant: Warrant,
    /// What opens the equipment.
    pub secret: EquipmentSecret,
    /// What records it.
    pub recorder: Recorder,
    /// The technician's name.
    pub technician_name: String,
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// Why.
    pub reason: EndReason,
    /// Anything more: what the equipment said.
    pub note: String,
    /// Bytes towards the equipment.
    pub bytes_in: u64,
    /// Bytes from the equipment.
    pub bytes_out: u64,
    /// Its channels; the first 1,000 are kept.
    pub channels: Vec<ChannelSummary>,
}

/// The relays' side of the interventions. Clones are handles.
#[derive(Clone)]
pub struct Gate(pub(crate) InterventionService);

/// Notes a refusal in the intervention's history; nothing else changes.
struct NotOpened {
    step: NewStep,
    outcome: Outcome,
}

impl Effect<OpenRelay> for NotOpened {
    type Output = ();
    async fn apply(&self, tx: &mut WriteTx<'_, OpenRelay>) -> Result<Applied<()>, StoreError> {
        let (intervention, now) = (tx.action().intervention, tx.now());
        sql::insert_step(tx.connection(), intervention, (&self.step, true), now).await?;
        Ok(Applied { value: (), outcome: self.outcome })
    }
}

/// A session's row, if the intervention still is what was verified.
struct Connect {
    session: SessionInsert,
    versions: (u64, u64),
    window: (Time, Option<Time>),
    opened: NewStep,
}

impl Effect<OpenRelay> for Connect {
    type Output = bool;
    async fn apply(&self, tx: &mut WriteTx<'_, OpenRelay>) -> Result<Applied<bool>, StoreError> {
        let (intervention, now) = (tx.action().intervention, tx.now());
        let connection = tx.connection();
        let Some(state) = sessions::may_connect(connection, intervention, self.versions, self.window).await? else {
            return Ok(Applied::refused(false));
        };
        if state == State::Planned.as_str() {
            sql::open_planned(connection, intervention).await?;
            sql::insert_step(connection, intervention, (&self.opened, false), now).await?;
        }
        sessions::insert(connection, &self.session, now).await?;
        Ok(Applied::done(true))
    }
}

/// The end of a session.
#[derive(Clone)]
struct Close {
    reason: EndReason,
    outcome: Option<Vec<u8>>,
    step: Option<(InterventionId, NewStep)>,
}

impl Effect<CloseRelay> for Close {
    type Output = ();
    async fn apply(&self, tx: &mut WriteTx<'_, CloseRelay>) -> Result<Applied<()>, StoreError> {
        let (relay, now) = (tx.action().relay, tx.now());
        sessions::close(tx.connection(), relay, (self.reason, self.outcome.clone()), now).await?;
        if let Some((intervention, step)) = &self.step {
            sql::insert_step(tx.connection(), *intervention, (step, true), now).await?;
        }
        lease::rows::close(tx, relay).await.map(Applied::done)
    }
}

/// A candidate, with its warrant or the reason why it has none.
type Candidate = (InterventionRow, Result<Warrant, String>);

/// Tries at writing an ending before the task that does it stops holding up a clean stop.
const CLOSE_TRIES: u32 = 3;

impl Gate {
    /// The intervention, planned or open and within its window, in which this technician may reach this target. For
    /// deciding what a second factor opens; it proves nothing.
    pub async fn find(&self, who: &AtGate, target: &str) -> Option<InterventionId> {
        let rows = self.workable(who, target).await;
        rows.into_iter().find(|row| row.equipment.new.name == target).map(|row| row.terms.id)
    }

    /// All that this technician may reach now, by its rows; a session is verified when it is opened.
    pub async fn offers(&self, who: &AtGate) -> Vec<Offer> {
        let mut offers: Vec<Offer> = Vec::new();
        for row in self.workable(who, "").await {
            let target = row.equipment.new.name.clone();
            if offers.iter().all(|offer| offer.target != target) {
                let until = row.hold.map_or(row.until, |hold| hold.max(row.until));
                offers.push(Offer { target, intervention: row.terms.id, until });
            }
        }
        offers
    }

    async fn workable(&self, who: &AtGate, target: &str) -> Vec<InterventionRow> {
        let Some(supplier) = who.supplier else { return Vec::new() };
        let read = async {
            let mut connection = self.0.read().await?;
            sql::workable(&mut connection, &self.0.parts().keys, (who.account, supplier), target).await
        };
        let now = self.0.now();
        match read.await {
            Ok(rows) => rows.into_iter().filter(|row| seems_open(row, now) && !self.is_cut(row)).collect(),
            Err(error) => {
                tracing::warn!(%error, "interventions cannot be read");
                Vec::new()
            }
        }
    }

    fn is_cut(&self, row: &InterventionRow) -> bool {
        self.0.parts().leases.is_cut(row.terms.id)
    }

    /// Opens a session: loads and verifies what was signed, asks the policies, traces, begins the recording, grants the
    /// lease. Whatever fails, nothing was opened.
    pub async fn open_session(&self, who: Authenticated, asked: SessionAsked) -> Result<Opened, GateRefused> {
        let relay = RelayId::from_bytes(random().map_err(|_| GateRefused::Unavailable)?);
        // Where he was recognised from counts, whatever is said beside it.
        let asked = SessionAsked { address: who.address().unwrap_or(asked.address), ..asked };
        let service = &self.0;
        let me = service.me(&who).await.map_err(|error| told(&error))?;
        let Some((row, found)) = self.candidate(&who, &me, &asked).await? else {
            let why = "no intervention that is not over on this target in which he works";
            self.refuse(&who, &asked.target, why).await?;
            return Err(GateRefused::Refused);
        };
        let action = OpenRelay { relay, intervention: row.terms.id, equipment: row.equipment.id };
        let facts = InterventionService::about(Some(&me), Some(row.matter()));
        let decided = service.parts().policies.decide(&who, action, &facts, service.now());
        let authorized = match decided {
            Ok(authorized) => authorized,
            Err(why) => {
                self.refuse(&who, &asked.target, &why.to_string()).await?;
                // Only of a session that would then begin.
                let lacking = why.lacking().filter(|_| found.is_ok());
                return Err(lacking.map_or(GateRefused::Refused, |_| GateRefused::Passkey));
            }
        };
        let refusal = Refused { row: &row, name: &me.name, asked: &asked };
        let warrant = match found {
            Ok(warrant) => warrant,
            Err(why) => return self.not_opened(authorized, &refusal, &why, Outcome::Refused).await,
        };
        let id = row.equipment.id;
        let secret = service.0.secrets.as_ref().map(|keys| open_secret(keys, id, &row.equipment.secret));
        let Some(Ok(secret)) = secret else {
            let why = "what opens the equipment cannot be read";
            return self.not_opened(authorized, &refusal, why, Outcome::Failed).await;
        };
        let Some(recordings) = &service.0.recordings else { return Err(GateRefused::Unavailable) };
        let recorder = match recordings.begin(relay, service.now()).await {
            Ok(recorder) => recorder,
            Err(why) => return self.not_opened(authorized, &refusal, &why.to_string(), Outcome::Failed).await,
        };
        recorder.set_hold(warrant.hold_until().is_some_and(|hold| service.now() < hold));
        let lease = self.granted(&who, authorized, &refusal, &warrant, &me).await;
        if lease.is_err() {
            recorder.abandon().await;
        }
        let lease = lease?;
        Ok(Opened { relay, lease, warrant, secret, recorder, technician_name: me.name })
    }

    /// Writes the session's row and grants its lease.
    async fn granted(
        &self,
        who: &Authenticated,
        authorized: Authorized<OpenRelay>,
        refusal: &Refused<'_>,
        warrant: &Warrant,
        me: &Person,
    ) -> Result<Lease, GateRefused> {
        let (service, row, asked) = (&self.0, refusal.row, refusal.asked);
        let relay = authorized.action().relay;
        let raw = RawSession {
            technician_name: me.name.clone(),
            address: asked.address.to_string(),
            fingerprint: asked.fingerprint.chars().take(128).collect(),
        };
        let ids = (relay, row.terms.id, me.account);
        let session = SessionInsert::new(&service.parts().keys, ids, &raw).map_err(|_| GateRefused::Unavailable)?;
        let opened = service.step(row.terms.id, StepKind::Opened, &me.name, "").map_err(|error| told(&error))?;
        let effect = Connect {
            session,
            versions: (row.terms.version, row.equipment.version),
            window: (row.until, row.hold),
            opened,
        };
        let terms = LeaseTerms {
            ends: warrant.window_end(),
            hold: warrant.hold_until(),
            matter: row.matter(),
            fingerprint: asked.fingerprint.clone(),
        };
        let why = match service.parts().leases.open(authorized, terms, effect).await {
            Ok((Some(lease), true)) => return Ok(lease),
            Ok(_) => "the intervention changed while the session was being opened".to_owned(),
            Err(LeaseError::Journal(error)) => {
                tracing::warn!(%error, "a session could not be traced or written; it was not opened");
                return Err(GateRefused::Unavailable);
            }
            Err(why) => why.to_string(),
        };
        self.refuse(who, &asked.target, &why).await?;
        Err(GateRefused::Refused)
    }

    /// The intervention that the session would be of: one with a warrant, else the one that comes nearest.
    async fn candidate(
        &self,
        who: &Authenticated,
        me: &Person,
        asked: &SessionAsked,
    ) -> Result<Option<Candidate>, GateRefused> {
        let service = &self.0;
        let (Some(supplier), false) = (me.supplier, asked.target.is_empty()) else { return Ok(None) };
        let mut connection = service.read().await.map_err(|_| GateRefused::Unavailable)?;
        let rows = sql::workable(&mut connection, &service.parts().keys, (me.account, supplier), &asked.target).await;
        drop(connection);
        let rows = rows.map_err(|error| told(&error.into()))?;
        let now = service.now();
        let mut nearest: Option<(InterventionRow, String)> = None;
        for row in rows.into_iter().filter(|row| Some(row.terms.establishment) == who.establishment()) {
            let inside = seems_open(&row, now);
            match self.warrant(&row, me.account, asked).await? {
                Ok(warrant) => return Ok(Some((row, Ok(warrant)))),
                Err(why) if nearest.is_none() || inside => nearest = Some((row, why)),
                Err(_) => {}
            }
        }
        Ok(nearest.map(|(row, why)| (row, Err(why))))
    }

    /// The warrant that admits this person, with this key, from there; or the exact reason why there is none.
    async fn warrant(
        &self,
        row: &InterventionRow,
        account: AccountId,
        asked: &SessionAsked,
    ) -> Result<Result<Warrant, String>, GateRefused> {
        let service = &self.0;
        if self.is_cut(row) {
            // Whatever the row says: the reserve remembers that it is over.
            let state = if life::is_over(row.state) { row.state } else { State::Cut };
            return Ok(Err(NoWarrant::State(state).to_string()));
        }
        let (evidence, _) = service.evidence(row, &[]).await.map_err(|error| told(&error))?;
        Ok(match Warrant::verify(&evidence, &service.parts().pinned.now(), service.now()) {
            Err(why) => Err(why.to_string()),
            Ok(warrant) if !warrant.admits(account, &asked.fingerprint) => {
                Err("the key he came with is not one of those that were approved".into())
            }
            Ok(warrant) if !warrant.admits_source(asked.address) => {
                Err("he comes from an address that was not approved".into())
            }
            Ok(warrant) => Ok(warrant),
        })
    }

    /// Refused, by rule or by a fault of ours: traced, and told in the intervention's history.
    async fn not_opened<T>(
        &self,
        authorized: Authorized<OpenRelay>,
        about: &Refused<'_>,
        why: &str,
        outcome: Outcome,
    ) -> Result<T, GateRefused> {
        let note = format!("{why} ({}, {})", about.asked.address, about.asked.target);
        let step = self.0.step(about.row.terms.id, StepKind::SessionRefused, about.name, note);
        let step = step.map_err(|error| told(&error))?;
        match self.0.parts().journal.perform(authorized, NotOpened { step, outcome }).await {
            Ok(()) if outcome == Outcome::Refused => Err(GateRefused::Refused),
            Ok(()) => Err(GateRefused::Unavailable),
            Err(error) => {
                tracing::warn!(%error, "a refused session could not be traced");
                Err(GateRefused::Unavailable)
            }
        }
    }

    async fn refuse(&self, who: &Authenticated, target: &str, why: &str) -> Result<(), GateRefused> {
        let target: String = target.chars().take(64).collect();
        self.0.refused(who, &format!("target {target}"), why).await.map_err(|error| told(&error))
    }

    /// Writes down how a session ended. An owned task does it and goes on trying: nothing is lost with the caller.
    pub async fn close_session(&self, relay: RelayId, ending: Ending) {
        let gate = self.clone();
        let first = self.0.parts().journal.own(async move {
            for _ in 0..CLOSE_TRIES {
                if gate.close_now(relay, &ending).await {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
            // A clean stop does not wait for a store that is gone; the next start closes what stayed open.
            tokio::spawn(async move {
                while !gate.close_now(relay, &ending).await {
                    tokio::time::sleep(Duration::from_secs(5)).await;
                }
            });
        });
        let _ = first.await;
    }

    async fn close_now(&self, relay: RelayId, ending: &Ending) -> bool {
        let closed = self.0.closed(relay, ending).await;
        if let Err(error) = &closed {
            tracing::warn!(%relay, %error, "the end of a session could not be written yet");
        }
        closed.is_ok()
    }

    /// Something went wrong during a session: traced, and told to those who look at what runs.
    pub async fn alarm(&self, relay: RelayId, text: &str) {
        let text: String = text.chars().take(500).collect();
        tracing::warn!(%relay, "{text}");
        self.0.parts().leases.alarm(relay, &text);
        self.note(relay, Event::RelayAlarm, text).await;
    }

    /// A command without terminal ended: traced with its counts and digests.
    pub async fn command(&self, relay: RelayId, channel: &ChannelSummary) {
        let command = told_command(channel.command.as_deref().unwrap_or(""));
        let digest = |sha256: &Option<String>| sha256.clone().unwrap_or_else(|| "-".into());
        let status = channel.exit_status.map_or_else(|| "-".to_owned(), |status| status.to_string());
        let detail = format!(
            "{} {}: in {} bytes sha256 {}; out {} bytes sha256 {}; exit {status}; {command}",
            channel.kind,
            channel.number,
            channel.bytes_in,
            digest(&channel.sha256_in),
            channel.bytes_out,
            digest(&channel.sha256_out),
        );
        self.note(relay, Event::RelayCommand, detail).await;
    }

    /// Something was done to a file over SFTP: traced with its names, counts and digests.
    pub async fn file(&self, relay: RelayId, channel: u32, act: &FileAct) {
        self.note(relay, Event::RelayFile, act.told(channel)).await;
    }

    async fn note(&self, relay: RelayId, event: Event, detail: String) {
        let parts = self.0.parts();
        let target = Some(format!("relay:{relay}"));
        let noted = match parts.leases.subject_of(relay) {
            Some(subject) => parts.journal.note_of(&subject, event, target, Some(detail)).await,
            None => {
                let node = system_actor(SystemActor::Node, None, parts.journal.now());
                parts.journal.note(&node, event, Some(format!("relay:{relay} {detail}"))).await
            }
        };
        if let Err(error) = noted {
            tracing::error!(%relay, %error, "something that happened in a session could not be traced");
        }
    }
}

/// A command, for its trace: whole, or its beginning with what identifies the rest, which the session's row has.
fn told_command(command: &str) -> String {
    let chars = command.chars().count();
    if chars <= CHARS_TRACED {
        return command.to_owned();
    }
    let begins: String = command.chars().take(CHARS_TRACED).collect();
    let digest = digest::digest(&digest::SHA256, command.as_bytes());
    format!("{begins}… ({chars} characters, sha256 {})", HEXLOWER.encode(digest.as_ref()))
}

/// Whom and what a refusal is about.
struct Refused<'a> {
    row: &'a InterventionRow,
    name: &'a str,
    asked: &'a SessionAsked,
}

/// What a fault of ours looks like from outside.
fn told(error: &crate::InterventionError) -> GateRefused {
    match error {
        crate::InterventionError::NotFound | crate::InterventionError::Ended => GateRefused::Refused,
        error => {
            tracing::warn!(%error, "a session could not be opened");
            GateRefused::Unavailable
        }
    }
}

/// Whether an intervention is open by its rows: for choosing, never for deciding.
fn seems_open(row: &InterventionRow, now: Time) -> bool {
    let end = row.hold.map_or(row.until, |hold| hold.max(row.until));
    matches!(row.state, State::Planned | State::Open) && row.terms.from <= now && now < end
}

impl InterventionService {
    /// Writes the end of a session, in the node's own name.
    pub(crate) async fn closed(&self, relay: RelayId, ending: &Ending) -> Result<(), crate::InterventionError> {
        let mut connection = self.read().await?;
        let owner = sessions::owner(&mut connection, relay).await?;
        drop(connection);
        let Some((intervention, account)) = owner else { return Ok(()) };
        let outcome = sessions::seal_outcome(&self.parts().keys, (relay, intervention, account), ending)?;
        let loud = !matches!(ending.reason, EndReason::Technician | EndReason::Equipment | EndReason::Window);
        let step = if loud && ending.reason != EndReason::Cut && ending.reason != EndReason::Closed {
            let note = format!("{}: {}", ending.reason, ending.note.chars().take(300).collect::<String>());
            Some((intervention, self.step(intervention, StepKind::Alarm, "", note)?))
        } else {
            None
        };
        let now = self.now();
        let node = system_actor(SystemActor::Node, None, now);
        let facts = Self::about(None, None);
        let authorized = self
            .parts()
            .policies
            .decide(&node, CloseRelay { relay }, &facts, now)
            .map_err(|error| crate::InterventionError::Fault(error.to_string()))?;
        let close = Close { reason: ending.reason, outcome: Some(outcome), step };
        Ok(self.parts().journal.perform(authorized, close).await?)
    }
}

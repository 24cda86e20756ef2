//! The leases of a node, and the tasks that watch over them.

use crate::{CutReport, EndReason, Held, LeaseError, LeaseTerms, LeaseView, LeasesConfig, rows};
use identity::system_actor;
use journal::{Applied, Effect, Journal, JournalError, Outcome, Revoked, WriteTx};
use policy::{
    Authorized, CloseRelay, CutIntervention, CutRelay, DatabaseAction, Facts, LapseIntervention, Matter, OpenRelay,
    Policies, Subject,
};
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};
use store::{Store, StoreError};
use tokio::{sync::watch, time::Instant};
use types::{InterventionId, RelayId, SystemActor, Time};

struct Entry {
    intervention: InterventionId,
    matter: Matter,
    subject: Subject,
    fingerprint: String,
    since: Time,
    alarms: Vec<(Time, String)>,
    view: watch::Sender<LeaseView>,
    /// The row says more than the lease: nothing of it counts until what was signed says so too.
    claims_more: bool,
}

impl Entry {
    fn new(
        intervention: InterventionId,
        (terms, subject): (LeaseTerms, Subject),
        view: watch::Sender<LeaseView>,
        since: Time,
    ) -> Self {
        let LeaseTerms { matter, fingerprint, .. } = terms;
        Self { intervention, matter, subject, fingerprint, since, alarms: Vec::new(), view, claims_more: false }
    }
}

struct Inner {
    journal: Journal,
    store: Store,
    policies: Arc<Policies>,
    config: LeasesConfig,
    entries: Mutex<HashMap<RelayId, Entry>>,
    /// When the store last answered.
    seen: Mutex<Instant>,
}

/// The leases of a node. Clones are handles to the same ones.
#[derive(Clone)]
pub struct Leases(Arc<Inner>);

/// A session's right to go on. Dropped, it is gone.
#[derive(Debug)]
pub struct Lease {
    relay: RelayId,
    intervention: InterventionId,
    view: watch::Receiver<LeaseView>,
    home: Weak<Inner>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Leases")
    }
}

impl Lease {
    /// Of which session.
    pub fn relay(&self) -> RelayId {
        self.relay
    }

    /// In which intervention.
    pub fn intervention(&self) -> InterventionId {
        self.intervention
    }

    /// Resolves when the lease is cut, with the reason; at once if it is already. The future stands alone: it can be
    /// kept in a loop that selects.
    pub fn cut(&self) -> impl Future<Output = EndReason> + Send + 'static {
        let mut view = self.view.clone();
        async move {
            match view.wait_for(|view| view.cut.is_some()).await {
                Ok(view) => view.cut.unwrap_or(EndReason::Fault),
                // Nobody watches over the lease any more: it is worth nothing.
                Err(_) => EndReason::Node,
            }
        }
    }

    /// Each change: end, "do not interrupt", warnings, alarms, cut.
    pub fn watch(&self) -> watch::Receiver<LeaseView> {
        self.view.clone()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(home) = self.home.upgrade() {
            home.entries().remove(&self.relay);
        }
    }
}

impl Inner {
    fn entries(&self) -> MutexGuard<'_, HashMap<RelayId, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seen(&self) -> MutexGuard<'_, Instant> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the time: warns, alarms, cuts. Asks nobody.
    fn tick(&self) {
        let now = self.journal.now();
        let lost = self.seen().elapsed() >= self.config.store_loss;
        for entry in self.entries().values() {
            change(&entry.view, |view| view.at(now, lost));
        }
    }

    /// Takes over what other nodes wrote.
    async fn poll(&self) -> Result<(), StoreError> {
        if self.entries().is_empty() {
            *self.seen() = Instant::now();
            return Ok(());
        }
        let mut connection = self.store.read().await?;
        let read = rows::read(&mut connection, &self.config.origin).await?;
        *self.seen() = Instant::now();
        let mut entries = self.entries();
        for row in read {
            let Some(entry) = entries.get_mut(&row.relay) else { continue };
            let held = *entry.view.borrow();
            entry.claims_more = row.ends > held.ends || row.hold > held.hold;
            // Whoever writes the database may end sessions, never lengthen them.
            change(&entry.view, |view| LeaseView {
                ends: view.ends.min(row.ends),
                hold: view.hold.min(row.hold),
                cut: view.cut.or(row.cut),
                ..view
            });
        }
        Ok(())
    }

    /// Cuts in memory those that `wanted` picks.
    fn strike(&self, reason: EndReason, wanted: impl Fn(&RelayId, &Entry) -> bool) -> Vec<(RelayId, Time)> {
        let mut struck = Vec::new();
        for (relay, entry) in self.entries().iter().filter(|(relay, entry)| wanted(relay, entry)) {
            change(&entry.view, |view| LeaseView { cut: view.cut.or(Some(reason)), ..view });
            struck.push((*relay, entry.view.borrow().end()));
        }
        struck
    }
}

fn change(view: &watch::Sender<LeaseView>, to: impl FnOnce(LeaseView) -> LeaseView) -> bool {
    view.send_if_modified(|held| {
        let next = to(*held);
        let changed = next != *held;
        *held = next;
        changed
    })
}

/// A session's rows, with its lease's.
struct Granting<E> {
    effect: E,
    origin: String,
    view: LeaseView,
}

impl<E: Effect<OpenRelay>> Effect<OpenRelay> for Granting<E> {
    type Output = (bool, E::Output);
    async fn apply(&self, tx: &mut WriteTx<'_, OpenRelay>) -> Result<Applied<Self::Output>, StoreError> {
        let applied = self.effect.apply(tx).await?;
        let granted = applied.outcome == Outcome::Done;
        if granted {
            let ids = (tx.action().relay, tx.action().intervention);
            rows::insert(tx, ids, &self.origin, &self.view).await?;
        }
        Ok(Applied { value: (granted, applied.value), outcome: applied.outcome })
    }
}

/// The leases' rows of a cut, with those of whoever cuts.
#[derive(Clone)]
struct Cutting<E>(E, EndReason);

impl<E: Effect<CutIntervention, Output = ()>> Effect<CutIntervention> for Cutting<E> {
    type Output = ();
    async fn apply(&self, tx: &mut WriteTx<'_, CutIntervention>) -> Result<Applied<()>, StoreError> {
        let intervention = tx.action().intervention;
        rows::mark_all_cut(tx, intervention, self.1).await?;
        self.0.apply(tx).await
    }
}

impl<E: Effect<LapseIntervention, Output = ()>> Effect<LapseIntervention> for Cutting<E> {
    type Output = ();
    async fn apply(&self, tx: &mut WriteTx<'_, LapseIntervention>) -> Result<Applied<()>, StoreError> {
        let intervention = tx.action().intervention;
        rows::mark_all_cut(tx, intervention, self.1).await?;
        self.0.apply(tx).await
    }
}

/// The row of one lease that is cut.
#[derive(Clone)]
struct CutOne;

impl Effect<CutRelay> for CutOne {
    type Output = ();
    async fn apply(&self, tx: &mut WriteTx<'_, CutRelay>) -> Result<Applied<()>, StoreError> {
        let relay = tx.action().relay;
        rows::mark_cut(tx, relay, EndReason::Cut).await.map(Applied::done)
    }
}

impl Effect<CloseRelay> for CutOne {
    type Output = ();
    async fn apply(&self, tx: &mut WriteTx<'_, CloseRelay>) -> Result<Applied<()>, StoreError> {
        let relay = tx.action().relay;
        rows::mark_cut(tx, relay, EndReason::Cut).await.map(Applied::done)
    }
}

impl Leases {
    /// Begins to watch over the leases of this node; the tasks end with the last handle.
    pub fn start(journal: Journal, store: Store, policies: Arc<Policies>, config: LeasesConfig) -> Self {
        let poll = config.poll;
        let inner = Arc::new(Inner {
            journal,
            store,
            policies,
            config,
            entries: Mutex::default(),
            seen: Mutex::new(Instant::now()),
        });
        let weak = Arc::downgrade(&inner);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(poll).await;
                let Some(inner) = weak.upgrade() else { return };
                inner.tick();
            }
        });
        let weak = Arc::downgrade(&inner);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(poll).await;
                let Some(inner) = weak.upgrade() else { return };
                // A store that hangs must not keep the next question from being asked.
                match tokio::time::timeout(Duration::from_secs(3), inner.poll()).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => tracing::debug!(%error, "leases cannot be read"),
                    Err(_) => tracing::debug!("leases cannot be read in time"),
                }
            }
        });
        Self(inner)
    }

    /// The node's name in the journal.
    pub fn origin(&self) -> &str {
        &self.0.config.origin
    }

    /// Traces that a session opens, writes its rows with `effect`, and grants its lease. Where the effect refuses, there
    /// is no lease. A cut that comes meanwhile reaches the lease all the same.
    pub async fn open<E: Effect<OpenRelay>>(
        &self,
        authorized: Authorized<OpenRelay>,
        terms: LeaseTerms,
        effect: E,
    ) -> Result<(Option<Lease>, E::Output), LeaseError> {
        let inner = &self.0;
        let OpenRelay { relay, intervention, .. } = *authorized.action();
        let subject = authorized.subject().clone();
        let view = LeaseView::new(terms.ends, terms.hold);
        if view.end() <= inner.journal.now() {
            return Err(LeaseError::Over);
        }
        let (sender, receiver) = watch::channel(view);
        {
            let mut entries = inner.entries();
            if entries.len() >= inner.config.leases_max {
                return Err(LeaseError::TooMany);
            }
            entries.insert(relay, Entry::new(intervention, (terms, subject), sender, inner.journal.now()));
        }
        let lease = Lease { relay, intervention, view: receiver, home: Arc::downgrade(inner) };
        // The lease is already where a cut looks for it: of the two, one sees the other.
        self.is_free(relay, intervention)?;
        let effect = Granting { effect, origin: inner.config.origin.clone(), view };
        let (granted, output) = inner.journal.perform(authorized, effect).await?;
        Ok((granted.then_some(lease), output))
    }

    fn is_free(&self, relay: RelayId, intervention: InterventionId) -> Result<(), LeaseError> {
        let journal = &self.0.journal;
        let revoked = [Revoked::Relay(relay), Revoked::Matter(intervention)].map(|what| journal.has_revoked(what));
        if revoked.contains(&true) { Err(LeaseError::Revoked) } else { Ok(()) }
    }

    /// Whether an intervention was cut, as far as this node knows without asking.
    pub fn is_cut(&self, intervention: InterventionId) -> bool {
        self.0.journal.has_revoked(Revoked::Matter(intervention))
    }

    /// Whose a session of this node is, without asking the database.
    pub fn matter_of(&self, relay: RelayId) -> Option<(InterventionId, Matter)> {
        self.0.entries().get(&relay).map(|entry| (entry.intervention, entry.matter.clone()))
    }

    /// Whose an intervention is that has a session in this node, without asking the database.
    pub fn matter(&self, intervention: InterventionId) -> Option<Matter> {
        let entries = self.0.entries();
        let found = entries.values().find(|entry| entry.intervention == intervention);
        found.map(|entry| entry.matter.clone())
    }

    /// Who opened a session of this node: what happens in it is traced in his name.
    pub fn subject_of(&self, relay: RelayId) -> Option<Subject> {
        self.0.entries().get(&relay).map(|entry| entry.subject.clone())
    }

    /// Keeps an alarm of a session for those who look at what runs; the last twenty, as long as it runs.
    pub fn alarm(&self, relay: RelayId, text: &str) {
        let now = self.0.journal.now();
        if let Some(entry) = self.0.entries().get_mut(&relay) {
            entry.alarms.push((now, text.to_owned()));
            let over = entry.alarms.len().saturating_sub(ALARMS_MAX);
            entry.alarms.drain(..over);
        }
    }

    /// The alarms of a session of this node, oldest first.
    pub fn alarms(&self, relay: RelayId) -> Vec<(Time, String)> {
        self.0.entries().get(&relay).map(|entry| entry.alarms.clone()).unwrap_or_default()
    }

    /// What a session's lease says at present.
    pub fn view(&self, relay: RelayId) -> Option<LeaseView> {
        self.0.entries().get(&relay).map(|entry| *entry.view.borrow())
    }

    /// Whether a session lives in this node.
    pub fn is_live(&self, relay: RelayId) -> bool {
        self.0.entries().contains_key(&relay)
    }

    /// How many sessions live in this node.
    pub fn count(&self) -> usize {
        self.0.entries().len()
    }

    /// How many sessions "do not interrupt" holds: a clean stop waits for them.
    pub fn held(&self) -> usize {
        let now = self.0.journal.now();
        self.0.entries().values().filter(|entry| entry.view.borrow().is_held(now)).count()
    }

    /// Cuts one session: in force at once; row and trace follow when they can.
    pub async fn cut(&self, authorized: Authorized<CutRelay>, reason: &str) -> CutReport {
        let relay = authorized.action().relay;
        let struck = self.0.strike(EndReason::Cut, |id, _| *id == relay);
        let until = struck.first().map_or_else(|| self.0.journal.now() + MONTH, |(_, end)| *end);
        let house = move || CloseRelay { relay };
        self.follow(authorized, (vec![(Revoked::Relay(relay), until)], struck.len(), reason), house, CutOne).await
    }

    /// Cuts an intervention and all its sessions: in force at once, here; `effect` writes the rest of its rows. No session
    /// opens in it again before `until`, even if this node restarts.
    pub async fn cut_all_of<E>(
        &self,
        authorized: Authorized<CutIntervention>,
        (until, reason): (Time, &str),
        effect: E,
    ) -> CutReport
    where
        E: Effect<CutIntervention, Output = ()> + Effect<LapseIntervention, Output = ()> + Clone,
    {
        let intervention = authorized.action().intervention;
        // First the intervention, so that no lease is granted meanwhile, then what it has.
        self.0.journal.revoke_here(Revoked::Matter(intervention), until);
        let struck = self.0.strike(EndReason::Cut, |_, entry| entry.intervention == intervention);
        let sessions = struck.len();
        let until = struck.iter().map(|(_, end)| *end).max().map_or(until, |end| end.max(until));
        let mut revoked = vec![(Revoked::Matter(intervention), until)];
        revoked.extend(struck.into_iter().map(|(relay, end)| (Revoked::Relay(relay), end)));
        let house = move || LapseIntervention { intervention };
        self.follow(authorized, (revoked, sessions, reason), house, Cutting(effect, EndReason::Cut)).await
    }

    /// Ends the sessions of an intervention that was closed, unless "do not interrupt" holds them. The rows are written
    /// by whoever closes it ([`crate::rows::mark_all_cut`]).
    pub fn end_all_of(&self, intervention: InterventionId, reason: EndReason) -> usize {
        let now = self.0.journal.now();
        let wanted =
            |_: &RelayId, entry: &Entry| entry.intervention == intervention && !entry.view.borrow().is_held(now);
        self.0.strike(reason, wanted).len()
    }

    /// The interventions with sessions in this node.
    pub fn interventions(&self) -> BTreeSet<InterventionId> {
        self.0.entries().values().map(|entry| entry.intervention).collect()
    }

    /// Who works in an intervention in this node, and with which key each came.
    pub fn holders(&self, intervention: InterventionId) -> Vec<Held> {
        let entries = self.0.entries();
        let of = entries.iter().filter(|(_, entry)| entry.intervention == intervention);
        let held = |(relay, entry): (&RelayId, &Entry)| {
            let (subject, fingerprint) = (entry.subject.clone(), entry.fingerprint.clone());
            Held { relay: *relay, subject, fingerprint, since: entry.since }
        };
        of.map(held).collect()
    }

    /// Ends one session, unless "do not interrupt" holds it. True if it did.
    pub fn end(&self, relay: RelayId, reason: EndReason) -> bool {
        let now = self.0.journal.now();
        let wanted = |id: &RelayId, entry: &Entry| *id == relay && !entry.view.borrow().is_held(now);
        !self.0.strike(reason, wanted).is_empty()
    }

    /// Those of them whose rows give more time than their leases: extended on another node, or forged. Whoever can
    /// verify what was signed calls [`Leases::lengthen`] with what it says.
    pub fn claiming_more(&self) -> BTreeSet<InterventionId> {
        let entries = self.0.entries();
        entries.values().filter(|entry| entry.claims_more).map(|entry| entry.intervention).collect()
    }

    /// Moves the end of an intervention's sessions in this node; the rows are written by whoever moves it
    /// ([`crate::rows::set_window`]). Other nodes take over from them what is shorter, and ask for what was signed before
    /// they take over what is longer ([`Leases::claiming_more`]).
    pub fn set_end(&self, intervention: InterventionId, ends: Time) {
        self.each_of(intervention, |view| LeaseView { ends, ..view });
    }

    /// Sets or lifts "do not interrupt" for an intervention's sessions in this node, as [`Leases::set_end`].
    pub fn set_hold(&self, intervention: InterventionId, hold: Option<Time>) {
        self.each_of(intervention, |view| LeaseView { hold, ..view });
    }

    /// Gives an intervention's sessions in this node the time that was signed for; takes none away. True if any gained.
    pub fn lengthen(&self, intervention: InterventionId, (ends, hold): (Time, Option<Time>)) -> bool {
        self.each_of(intervention, |view| LeaseView { ends: view.ends.max(ends), hold: view.hold.max(hold), ..view })
    }

    fn each_of(&self, intervention: InterventionId, to: impl Fn(LeaseView) -> LeaseView) -> bool {
        let mut any = false;
        for entry in self.0.entries().values_mut().filter(|entry| entry.intervention == intervention) {
            any |= change(&entry.view, &to);
            // What the row says now is compared anew.
            entry.claims_more = false;
        }
        any
    }

    /// The rest of a cut: the reserve, which is waited for, then trace and rows, which are not.
    async fn follow<A, H, E>(
        &self,
        authorized: Authorized<A>,
        (revoked, sessions, reason): (Vec<(Revoked, Time)>, usize, &str),
        house: impl Fn() -> H + Send + Sync + 'static,
        effect: E,
    ) -> CutReport
    where
        A: DatabaseAction,
        H: DatabaseAction,
        E: Effect<A, Output = ()> + Effect<H, Output = ()> + Clone,
    {
        let (this, journal) = (self.clone(), self.0.journal.clone());
        let late = Late {
            subject: authorized.subject().clone(),
            event: A::EVENT,
            target: authorized.action().target(),
            detail: format!("at {} µs: {reason}", journal.now().micros()),
        };
        let task = self.0.journal.own(async move {
            let mut durable = Ok(());
            for (what, until) in revoked {
                if let Err(error) = journal.revoke_any(what, until).await {
                    tracing::error!(%error, "a cut is in force but could not be written to the reserve");
                    durable = Err(error);
                }
            }
            journal.clone().own(async move {
                if let Err(error) = journal.perform(authorized, effect.clone()).await {
                    tracing::warn!(%error, "a cut is in force; its trace and its rows will follow");
                    this.write_late(late, house, effect);
                }
            });
            durable
        });
        CutReport { sessions, durable: task.await.unwrap_or(Err(JournalError::Fault)) }
    }

    /// The proof is spent: the trace names who cut, and the rows are written in the node's own name. Not tracked: at a
    /// stop, what the reserve holds is written down at the next start.
    fn write_late<H, E>(&self, late: Late, house: impl Fn() -> H + Send + Sync + 'static, effect: E)
    where
        H: DatabaseAction,
        E: Effect<H, Output = ()> + Clone,
    {
        let weak = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            let mut traced = false;
            loop {
                tokio::time::sleep(LATE_EVERY).await;
                let Some(inner) = weak.upgrade() else { return };
                if !traced {
                    let (target, detail) = (late.target.clone(), Some(late.detail.clone()));
                    traced = inner.journal.note_of(&late.subject, late.event, target, detail).await.is_ok();
                }
                if traced && inner.as_node(house(), effect.clone()).await.is_ok() {
                    return;
                }
            }
        });
    }
}

impl Inner {
    async fn as_node<H: DatabaseAction, E: Effect<H, Output = ()>>(
        &self,
        action: H,
        effect: E,
    ) -> Result<(), JournalError> {
        let now = self.journal.now();
        let node = system_actor(SystemActor::Node, None, now);
        let authorized = self
            .policies
            .decide(&node, action, &Facts::default(), now)
            .map_err(|error| JournalError::Malformed(error.to_string()))?;
        self.journal.perform(authorized, effect).await
    }
}

/// Alarms of one session that are kept.
const ALARMS_MAX: usize = 20;
/// How often a cut's trace and rows are tried again.
const LATE_EVERY: Duration = Duration::from_secs(1);
/// How long a session is held to be revoked of which this node knows no end.
const MONTH: Duration = Duration::from_secs(31 * 86_400);

struct Late {
    subject: Subject,
    event: types::Event,
    target: Option<String>,
    detail: String,
}

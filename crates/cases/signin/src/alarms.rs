//! Alarms, kept for all nodes and told by mail (acces-web AA7, clausier O-5.3). A door rings in the memory of its node, at once and
//! whatever happens to the database; the node keeps what rang where every node's desk shows it, and writes to those who manage
//! accounts.

pub(crate) mod sql;

use crate::{
    Alarm, AlarmKind, Defences, SignInService,
    outbox::{
        News, Writes,
        model::{About, LetterRow, Post},
        put,
    },
};
use identity::system_actor;
use journal::{Applied, Effect, Journal, JournalError, WriteTx};
use policy::{Facts, KeepAlarm, Policies};
use sql::AlarmRow;
use std::{sync::Arc, time::Duration};
use store::{Store, StoreError};
use tokio::time::sleep;
use types::{EstablishmentId, SystemActor, Time};
use vault::{Keys, random};

/// Between two letters to the same people about one kind of alarm.
pub const ALARM_MAILED_EVERY: Duration = Duration::from_secs(3600);
/// How long an alarm is kept; its trace is for longer.
pub const ALARMS_KEPT: Duration = Duration::from_secs(30 * 86_400);
const HOUR: Duration = Duration::from_secs(3600);
/// Of one kind, within an hour: what comes past it is traced, and kept nowhere else.
const KEPT_EACH_MAX: i64 = 100;
/// Alarms shown of each kind: whoever rings one kind often hides none of the others.
const SHOWN_EACH_MAX: i64 = 12;
/// Said again of the same account within this time, it is the same alarm.
const SAME: Duration = Duration::from_secs(600);
/// Until what could not be kept is tried again.
const AGAIN: Duration = Duration::from_secs(15);

struct Parts {
    store: Store,
    journal: Journal,
    policies: Arc<Policies>,
    keys: Keys,
    defences: Defences,
    establishments: Vec<EstablishmentId>,
    writes: Writes,
}

/// Keeps the alarms of a node's doors. Clones are handles.
#[derive(Clone)]
pub struct Alarms(Arc<Parts>);

impl Alarms {
    /// Of the doors that share these defences, for these establishments; with the keys of the desk, which shows them.
    pub fn new(
        (store, journal, policies): (Store, Journal, Arc<Policies>),
        keys: Keys,
        (defences, establishments): (Defences, Vec<EstablishmentId>),
    ) -> Self {
        let writes = Writes::default();
        Self(Arc::new(Parts { store, journal, policies, keys, defences, establishments, writes }))
    }

    /// Writes to those who manage accounts, too. Told once.
    pub fn write_mail(&self, post: Post) {
        self.0.writes.begin(post);
    }

    /// Keeps alarms as they ring, for as long as it is waited for. One that cannot be kept stays in memory, where the desk of
    /// the same node shows it, and is tried again.
    pub async fn keep_ringing(&self) {
        loop {
            if let Err(error) = self.keep().await {
                tracing::warn!(%error, "an alarm could not be kept for other nodes, nor told by mail");
                sleep(AGAIN).await;
            } else {
                self.0.defences.rings().await;
            }
        }
    }

    /// Keeps those that rang and were not kept yet; says how many rows that made.
    pub async fn keep(&self) -> Result<usize, JournalError> {
        let mut kept = 0;
        while let Some(alarm) = self.0.defences.oldest_unkept() {
            for establishment in self.concerned(&alarm.kind).await? {
                kept += usize::from(self.keep_at(establishment, &alarm).await?);
            }
            self.0.defences.was_kept(&alarm);
        }
        Ok(kept)
    }

    /// Whose business it is: what is about an account, those of its establishment; what is about nobody's, all that this node serves.
    async fn concerned(&self, kind: &AlarmKind) -> Result<Vec<EstablishmentId>, JournalError> {
        let Some(account) = kind.account() else { return Ok(self.0.establishments.clone()) };
        let mut connection = self.0.store.read().await?;
        let account = crate::sql::account_by_id(&mut connection, account).await?;
        Ok(account.into_iter().map(|row| row.establishment).collect())
    }

    async fn keep_at(&self, establishment: EstablishmentId, alarm: &Alarm) -> Result<bool, JournalError> {
        let parts = &self.0;
        let now = parts.journal.now();
        let of = (establishment, alarm.kind.word());
        let mut connection = parts.store.read().await?;
        // Whoever makes it ring without end makes the journal and the administrators' letters grow no further.
        if sql::count(&mut connection, of, now - HOUR).await? >= KEPT_EACH_MAX {
            return Ok(false);
        }
        let was_mailed = sql::was_mailed(&mut connection, of, now - ALARM_MAILED_EVERY).await?;
        drop(connection);
        let letters = if was_mailed { Vec::new() } else { self.letters(of, now).await? };
        let id = random().map_err(|error| JournalError::Malformed(error.to_string()))?;
        let row = AlarmRow::seal(&parts.keys, (id, establishment), alarm)?;
        let what = format!("{}, {} administrators written to", alarm.kind.word(), letters.len());
        let who = system_actor(SystemActor::Node, Some(establishment), now);
        let authorized = parts.policies.decide(&who, KeepAlarm { what }, &Facts::default(), now);
        let authorized = authorized.map_err(|error| JournalError::Malformed(error.to_string()))?;
        parts.journal.perform(authorized, KeepOne { row, letters }).await
    }

    async fn letters(
        &self,
        (establishment, word): (EstablishmentId, &'static str),
        now: Time,
    ) -> Result<Vec<LetterRow>, StoreError> {
        let Parts { store, keys, writes, .. } = &*self.0;
        if !writes.is_on() {
            return Ok(Vec::new());
        }
        let news = || News { alarm: Some(word), ..News::default() };
        writes.to_administrators((store, keys), establishment, (About::Alarm, news), now).await
    }
}

impl SignInService {
    /// The alarms of an establishment since `since`, the newest first: those that any node kept, and those of this one that are still to be.
    pub async fn alarms(&self, establishment: EstablishmentId, since: Time) -> Result<Vec<Alarm>, StoreError> {
        let parts = &self.0;
        let mut connection = parts.store.read().await?;
        let mut alarms = Vec::new();
        for word in AlarmKind::WORDS {
            let rows = sql::since(&mut connection, (establishment, word), since, SHOWN_EACH_MAX).await?;
            // One that does not open was written, or moved, by somebody else.
            alarms.extend(rows.iter().filter_map(|row| row.open(&parts.keys)));
        }
        for alarm in parts.settings.defences.unkept().into_iter().filter(|alarm| alarm.at >= since) {
            let theirs = match alarm.kind.account() {
                Some(account) => {
                    crate::sql::account_by_id(&mut connection, account).await?.map(|row| row.establishment)
                }
                None => Some(establishment),
            };
            if theirs == Some(establishment) && !alarms.contains(&alarm) {
                alarms.push(alarm);
            }
        }
        alarms.sort_by_key(|alarm| std::cmp::Reverse(alarm.at));
        Ok(alarms)
    }
}

struct KeepOne {
    row: AlarmRow,
    letters: Vec<LetterRow>,
}

impl Effect<KeepAlarm> for KeepOne {
    type Output = bool;
    async fn apply(&self, tx: &mut WriteTx<'_, KeepAlarm>) -> Result<Applied<bool>, StoreError> {
        let (now, row) = (tx.now(), &self.row);
        let of = (row.establishment, row.word.as_str());
        sql::forget_before(tx.connection(), now - ALARMS_KEPT).await?;
        let told = row.account.is_some() && sql::is_there(tx.connection(), row, row.at - SAME).await?;
        if told || sql::count(tx.connection(), of, now - HOUR).await? >= KEPT_EACH_MAX {
            return Ok(Applied::refused(false));
        }
        // Of two nodes that noticed together, one writes.
        let writes =
            !self.letters.is_empty() && !sql::was_mailed(tx.connection(), of, now - ALARM_MAILED_EVERY).await?;
        sql::insert(tx.connection(), row, writes).await?;
        if writes {
            put(tx.connection(), &self.letters).await?;
        }
        Ok(Applied::done(true))
    }
}

//! Reminders of the accounts that are to be looked at again, to those who manage them (acces-web GA4): the desk's first page says
//! so to whoever comes there, a letter to those who do not.

use super::{Accounts, model::AccountError, sql};
use crate::outbox::{
    News,
    model::{About, LetterRow},
    put,
};
use identity::system_actor;
use journal::{Applied, Effect, JournalError, WriteTx};
use policy::{Facts, RemindReviews};
use std::time::Duration;
use store::StoreError;
use types::{EstablishmentId, SystemActor, Time};

/// Between two reminders of one establishment.
pub const REMINDED_EVERY: Duration = Duration::from_secs(7 * 86_400);
/// Accounts that will be due within this time are counted with those that are: the next reminder would come too late.
const AHEAD: Duration = REMINDED_EVERY;
/// Accounts read at once.
const PAGE: i64 = 1_000;

impl Accounts {
    /// Writes to the administrators of an establishment if some of its accounts are due and nobody was written to for a week.
    /// Of several nodes, one does. Says how many accounts it was about; nothing if nobody had to be, or could be, written to.
    pub async fn remind_reviews(&self, establishment: EstablishmentId) -> Result<Option<u32>, AccountError> {
        let parts = &self.0;
        let now = parts.journal.now();
        let mut connection = parts.store.read().await?;
        let former = sql::reminded(&mut connection, establishment).await?;
        drop(connection);
        let lately = former.is_some_and(|at| now.since(at) < REMINDED_EVERY);
        if lately || !self.writes_mail() {
            return Ok(None);
        }
        let count = self.due(establishment, now).await?;
        if count == 0 {
            return Ok(None);
        }
        let news = || News { count: Some(count), ..News::default() };
        let stores = (&parts.store, &parts.keys);
        let letters = parts.writes.to_administrators(stores, establishment, (About::Reviews, news), now).await?;
        if letters.is_empty() {
            return Ok(None);
        }
        let who = system_actor(SystemActor::Node, Some(establishment), now);
        let action = RemindReviews { what: format!("{count} accounts, {} administrators", letters.len()) };
        let authorized = parts.policies.decide(&who, action, &Facts::default(), now)?;
        let remind = Remind { establishment, former, letters };
        match parts.journal.perform(authorized, remind).await {
            Ok(true) => Ok(Some(count)),
            // Another node did.
            Ok(false) | Err(JournalError::Store(StoreError::Conflict)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// How many accounts are due, or will be soon. One that does not open is in nobody's hands.
    async fn due(&self, establishment: EstablishmentId, now: Time) -> Result<u32, AccountError> {
        let (mut count, mut after) = (0, None);
        loop {
            let mut connection = self.0.store.read().await?;
            let rows = sql::accounts(&mut connection, (establishment, None, false), after, PAGE).await?;
            drop(connection);
            let Some(last) = rows.last() else { return Ok(count) };
            after = Some(last.account.id);
            let seen = rows.iter().filter_map(|row| self.seen(row, now).ok());
            let due = seen.filter_map(|seen| seen.review_due).filter(|due| *due <= now + AHEAD).count();
            count += u32::try_from(due).unwrap_or(u32::MAX);
        }
    }
}

struct Remind {
    establishment: EstablishmentId,
    /// As it was read: of two nodes, one finds it so.
    former: Option<Time>,
    letters: Vec<LetterRow>,
}

impl Effect<RemindReviews> for Remind {
    type Output = bool;
    async fn apply(&self, tx: &mut WriteTx<'_, RemindReviews>) -> Result<Applied<bool>, StoreError> {
        let now = tx.now();
        if !sql::note_reminded(tx.connection(), (self.establishment, self.former), now).await? {
            return Ok(Applied::refused(false));
        }
        put(tx.connection(), &self.letters).await?;
        Ok(Applied::done(true))
    }
}

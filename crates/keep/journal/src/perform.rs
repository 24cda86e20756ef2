//! Database effects: intent, transaction with marker, outcome.

use crate::{
    Applied, Effect, Journal, JournalError, Outcome, Traced, WriteTx,
    entry::{Body, Kind},
    trace::target_of,
};
use policy::{Authorized, DatabaseAction};
use std::{sync::Arc, time::Duration};
use store::StoreError;
use types::{Event, TraceId};
use vault::random;

/// Attempts at a transaction that others come between: one and three retries.
const ATTEMPTS_MAX: u32 = 4;
/// How long between two attempts to settle an act whose fate is not known.
const SETTLE_EVERY: Duration = Duration::from_secs(1);

impl Journal {
    /// Appends the durable intent of a database action. The proof is consumed and must not be past its expiry.
    pub async fn open_trace<A: DatabaseAction>(&self, authorized: Authorized<A>) -> Result<Traced<A>, JournalError> {
        let ends_it = A::EVENT == Event::SignOut;
        self.in_force(authorized.expires(), authorized.subject().session, ends_it)?;
        let (action, subject, purpose, expires) = authorized.into_parts();
        let body = Body {
            patients: action.patients().iter().map(ToString::to_string).collect(),
            target: target_of(&action),
            detail: action.detail(),
            ..self.body_of(&subject, Some(purpose))
        };
        let trace = TraceId::from_bytes(random()?);
        self.append_as(Kind::Intent, A::EVENT, (trace, None), &body).await?;
        Ok(Traced { action, trace, body, expires, session: subject.session.filter(|_| !ends_it) })
    }

    /// Runs an effect in the write transaction that a trace opens, then appends the outcome. An owned task does it: a
    /// dropped request cancels nothing half-way.
    pub async fn write<A, E>(&self, traced: Traced<A>, effect: E) -> Result<E::Output, JournalError>
    where
        A: DatabaseAction,
        E: Effect<A>,
    {
        let journal = self.clone();
        let task = self.0.tasks.spawn(async move { journal.write_owned(traced, effect).await });
        task.await.map_err(|_| JournalError::Fault)?
    }

    /// [`Journal::open_trace`] and [`Journal::write`], both in the owned task.
    pub async fn perform<A, E>(&self, authorized: Authorized<A>, effect: E) -> Result<E::Output, JournalError>
    where
        A: DatabaseAction,
        E: Effect<A>,
    {
        let journal = self.clone();
        let task = self.0.tasks.spawn(async move {
            let traced = journal.open_trace(authorized).await?;
            journal.write_owned(traced, effect).await
        });
        task.await.map_err(|_| JournalError::Fault)?
    }

    async fn write_owned<A, E>(&self, traced: Traced<A>, effect: E) -> Result<E::Output, JournalError>
    where
        A: DatabaseAction,
        E: Effect<A>,
    {
        let (trace, event) = (traced.trace, A::EVENT);
        let about = Body { author: traced.body.author.clone(), ..Body::default() };
        // A task of its own, so that a panic inside the effect still gets its outcome.
        let journal = self.clone();
        let attempt = tokio::spawn(async move { journal.attempts(&traced, &effect).await }).await;
        let (result, outcome) = match attempt {
            Ok(Ok(applied)) => (Ok(applied.value), Some(applied.outcome)),
            // Before the commit was sent, nothing remains; while it was under way, only the marker knows.
            Ok(Err(Attempt::Before(error))) => (Err(error), Some(Outcome::Failed)),
            Ok(Err(Attempt::Committing)) => (Err(JournalError::Unsettled), None),
            Err(_) => (Err(JournalError::Fault), None),
        };
        let settled = match outcome {
            Some(outcome) => self.append_as(Kind::Outcome, event, (trace, Some(outcome)), &about).await.is_ok(),
            None => self.settle(trace, event).await.is_ok(),
        };
        if !settled {
            self.settle_later(trace, event, outcome, about);
        }
        result
    }

    async fn attempts<A, E>(&self, traced: &Traced<A>, effect: &E) -> Result<Applied<E::Output>, Attempt>
    where
        A: DatabaseAction,
        E: Effect<A>,
    {
        let mut tried = 0;
        loop {
            tried += 1;
            match self.attempt(traced, effect).await {
                Err(Attempt::Before(JournalError::Store(StoreError::Contended))) if tried < ATTEMPTS_MAX => {
                    tokio::time::sleep(Duration::from_millis(5 << tried)).await;
                }
                other => return other,
            }
        }
    }

    async fn attempt<A, E>(&self, traced: &Traced<A>, effect: &E) -> Result<Applied<E::Output>, Attempt>
    where
        A: DatabaseAction,
        E: Effect<A>,
    {
        let before = |error: StoreError| Attempt::Before(JournalError::Store(error));
        let now = self.now();
        self.in_force(traced.expires, traced.session, false).map_err(Attempt::Before)?;
        let mut transaction = self.0.door.begin().await.map_err(before)?;
        sqlx::query("INSERT INTO effects (trace_id, origin, event, state, at_micros) VALUES ($1, $2, $3, 'done', $4)")
            .bind(traced.trace.as_bytes().to_vec())
            .bind(self.0.origin.clone())
            .bind(A::EVENT.as_str())
            .bind(now.micros())
            .execute(&mut *transaction)
            .await
            .map_err(|error| before(error.into()))?;
        let mut tx = WriteTx::new(&mut transaction, traced, now);
        let applied = effect.apply(&mut tx).await.map_err(before)?;
        if applied.outcome == Outcome::Refused {
            // Recovery reads it here, should the outcome not be written.
            sqlx::query("UPDATE effects SET refused = 1 WHERE trace_id = $1")
                .bind(traced.trace.as_bytes().to_vec())
                .execute(&mut *transaction)
                .await
                .map_err(|error| before(error.into()))?;
        }
        match transaction.commit().await.map_err(StoreError::from) {
            Ok(()) => Ok(applied),
            // The engine's own word that it did not commit.
            Err(StoreError::Contended) => Err(before(StoreError::Contended)),
            Err(_) => Err(Attempt::Committing),
        }
    }

    /// Finds out what became of an intent, by claiming its marker: success means it was not done and never will be.
    pub(crate) async fn settle(&self, trace: TraceId, event: Event) -> Result<Outcome, JournalError> {
        let outcome = self.claim(trace, event).await?;
        let body = Body { author: types::SystemActor::Node.to_string(), ..Body::default() };
        self.append_as(Kind::Outcome, event, (trace, Some(outcome)), &body).await?;
        Ok(outcome)
    }

    async fn claim(&self, trace: TraceId, event: Event) -> Result<Outcome, StoreError> {
        let mut tried = 0;
        loop {
            tried += 1;
            match self.claim_once(trace, event).await {
                // The late commit came between: the marker is there now, and says what was done.
                Err(StoreError::Conflict | StoreError::Contended) if tried < ATTEMPTS_MAX => {
                    tokio::time::sleep(Duration::from_millis(5 << tried)).await;
                }
                other => return other,
            }
        }
    }

    async fn claim_once(&self, trace: TraceId, event: Event) -> Result<Outcome, StoreError> {
        let mut transaction = self.0.door.begin().await?;
        let held: Option<(String, i64)> = sqlx::query_as("SELECT state, refused FROM effects WHERE trace_id = $1")
            .bind(trace.as_bytes().to_vec())
            .fetch_optional(&mut *transaction)
            .await?;
        match held.as_ref().map(|(state, refused)| (state.as_str(), *refused)) {
            Some(("done", 0)) => return Ok(Outcome::Done),
            Some(("done", _)) => return Ok(Outcome::Refused),
            Some(_) => return Ok(Outcome::Abandoned),
            None => {}
        }
        sqlx::query(
            "INSERT INTO effects (trace_id, origin, event, state, at_micros) VALUES ($1, $2, $3, 'abandoned', $4)",
        )
        .bind(trace.as_bytes().to_vec())
        .bind(self.0.origin.clone())
        .bind(event.as_str())
        .bind(self.now().micros())
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(Outcome::Abandoned)
    }

    /// The journal or the database is out of order: goes on trying until the outcome is written.
    fn settle_later(&self, trace: TraceId, event: Event, outcome: Option<Outcome>, about: Body) {
        let weak = Arc::downgrade(&self.0);
        // Not tracked: at a stop the intent is left to the next start's recovery.
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(SETTLE_EVERY).await;
                let Some(inner) = weak.upgrade() else { return };
                let journal = Journal(inner);
                let settled = match outcome {
                    Some(outcome) => journal.append_as(Kind::Outcome, event, (trace, Some(outcome)), &about).await,
                    None => journal.settle(trace, event).await.map(|_| ()),
                };
                if settled.is_ok() {
                    return;
                }
            }
        });
    }
}

enum Attempt {
    Before(JournalError),
    Committing,
}

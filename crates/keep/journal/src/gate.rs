//! The gate to write transactions.

use crate::{Outcome, Traced};
use policy::DatabaseAction;
use sqlx::AnyConnection;
use std::future::Future;
use store::{StoreError, Transaction};
use types::{Time, TraceId};

/// A write transaction opened from a [`Traced`]; the trace's marker is already in it.
pub struct WriteTx<'a, A: DatabaseAction> {
    transaction: &'a mut Transaction,
    traced: &'a Traced<A>,
    now: Time,
}

impl<'a, A: DatabaseAction> WriteTx<'a, A> {
    pub(crate) fn new(transaction: &'a mut Transaction, traced: &'a Traced<A>, now: Time) -> Self {
        Self { transaction, traced, now }
    }

    /// Where to send SQL; only `sql` modules do.
    pub fn connection(&mut self) -> &mut AnyConnection {
        self.transaction
    }

    /// The action that was authorized: the effect reads its target here.
    pub fn action(&self) -> &A {
        self.traced.action()
    }

    /// The trace.
    pub fn trace_id(&self) -> TraceId {
        self.traced.trace_id()
    }

    /// When the transaction began.
    pub fn now(&self) -> Time {
        self.now
    }
}

/// What an effect gives, and what the trace's outcome will say.
#[derive(Debug)]
pub struct Applied<T> {
    /// For the caller.
    pub value: T,
    /// For the journal.
    pub outcome: Outcome,
}

impl<T> Applied<T> {
    /// It was done.
    pub fn done(value: T) -> Self {
        Self { value, outcome: Outcome::Done }
    }

    /// It was refused by rule; what was written with it (a counter of failures) stays.
    pub fn refused(value: T) -> Self {
        Self { value, outcome: Outcome::Refused }
    }
}

/// A database effect of action `A`. It may be applied more than once (contention), each time in a fresh transaction, so
/// it changes nothing but the database.
pub trait Effect<A: DatabaseAction>: Send + Sync + 'static {
    /// What the caller gets.
    type Output: Send + 'static;

    /// Does it.
    fn apply(&self, tx: &mut WriteTx<'_, A>) -> impl Future<Output = Result<Applied<Self::Output>, StoreError>> + Send;
}

//! What ends with a change: the rows of sessions and tokens go in its commit, and what runs under them is told at once.

use journal::{Effect, Journal, JournalError, Revoked};
use policy::{Authorized, DatabaseAction};
use std::time::Duration;
use types::SessionId;

/// No session lives longer; a token's row put back within this time opens nothing here either.
const REMEMBERED: Duration = Duration::from_secs(86_400);

/// What came of an effect, with the sessions that it ended. A token's identifier is that of its session.
pub(crate) struct Ending<T> {
    pub outcome: T,
    pub ended: Vec<SessionId>,
}

impl<T> Ending<T> {
    /// It ended nothing.
    pub(crate) fn nothing(outcome: T) -> Self {
        Self { outcome, ended: Vec::new() }
    }
}

/// What a restart of this node remembers of sessions that ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reserve {
    /// That they did, whatever the database says then.
    Taken,
    /// Nothing: their rows are gone, and what happens at each sign-in takes no place that is kept for cuts.
    Left,
}

/// Performs what may end sessions: live views, exports and the like of these end too, whether or not whoever asked still
/// waits.
pub(crate) async fn perform_ending<A, E, T>(
    journal: &Journal,
    authorized: Authorized<A>,
    effect: E,
    reserve: Reserve,
) -> Result<T, JournalError>
where
    A: DatabaseAction,
    E: Effect<A, Output = Ending<T>>,
    T: Send + 'static,
{
    let own = journal.clone();
    let task = journal.own(async move {
        let Ending { outcome, ended } = own.perform(authorized, effect).await?;
        let until = own.now() + REMEMBERED;
        // All of them first: what is in memory is in force.
        for session in &ended {
            own.revoke_here(Revoked::Session(*session), until);
        }
        if reserve == Reserve::Left {
            return Ok(outcome);
        }
        let after = own.clone();
        own.own(async move {
            for session in ended {
                if let Err(error) = after.revoke(session, until).await {
                    tracing::error!(%error, "a revocation is in force but could not be written to the reserve");
                }
            }
        });
        Ok(outcome)
    });
    task.await.map_err(|_| JournalError::Fault)?
}

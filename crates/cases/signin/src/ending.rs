//! What ends with a change: the rows of sessions and tokens go in its commit, and what runs under them is told at once.

use crate::{accounts::sql::open_sessions, model::AccountRow};
use journal::{Effect, Journal, JournalError, Revoked};
use policy::{Authorized, DatabaseAction};
use std::time::Duration;
use store::Store;
use types::{AccountId, SessionId};

/// No session lives longer; a token's row put back within this time opens nothing here either.
const REMEMBERED: Duration = Duration::from_secs(86_400);

/// How long a lock is given to be recorded before it acts without: nobody waits longer than a second for it.
const RECORDED_WITHIN: Duration = Duration::from_millis(600);

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

/// Why it is not recorded.
#[derive(Debug)]
pub(crate) enum NotRecorded {
    /// The journal or the database does not take it: it is in force on this node without them, for [`REMEMBERED`].
    InForceHere,
    /// It is not in force either.
    Refused(JournalError),
}

/// What comes in the place of an effect that journal or database do not take.
#[derive(Clone, Copy)]
pub(crate) enum Instead {
    /// Nobody comes in by the account, and what it has open ends.
    Locked(AccountId),
    /// What the account has open ends, but this session.
    Ended(AccountId, Option<SessionId>),
}

/// Performs what locks an account, or ends what it has open. Where journal or database refuse it, or do not answer, the
/// node's reserve does it all the same, here.
pub(crate) async fn perform_or_act<A, E, T>(
    (journal, store): (&Journal, &Store),
    authorized: Authorized<A>,
    effect: E,
    instead: Instead,
) -> Result<T, NotRecorded>
where
    A: DatabaseAction,
    E: Effect<A, Output = Ending<T>>,
    T: Send + 'static,
{
    let own = journal.clone();
    let mut recording = journal.own(async move { perform_ending(&own, authorized, effect, Reserve::Taken).await });
    match tokio::time::timeout(RECORDED_WITHIN, &mut recording).await {
        Ok(Ok(Ok(outcome))) => {
            recorded(journal, instead).await;
            return Ok(outcome);
        }
        Ok(Ok(Err(error))) if is_a_refusal(&error) => return Err(NotRecorded::Refused(error)),
        Ok(Ok(Err(error))) => {
            tracing::error!(%error, "what locks or ends cannot be recorded: it is in force on this node without");
            act_here(journal, store, instead).await;
        }
        // It may be recorded yet, by a disk that hangs: then what stands in for it goes.
        Ok(Err(_)) | Err(_) => {
            tracing::error!("what locks or ends is not recorded in time: it is in force on this node without");
            act_here(journal, store, instead).await;
            let after = journal.clone();
            if !recording.is_finished() {
                journal.own(async move {
                    if let Ok(Ok(_)) = recording.await {
                        recorded(&after, instead).await;
                    }
                });
            } else if let Ok(Ok(outcome)) = recording.await {
                recorded(journal, instead).await;
                return Ok(outcome);
            }
        }
    }
    Err(NotRecorded::InForceHere)
}

/// Whether it says that the lock must not be, and not that it cannot be written down.
fn is_a_refusal(error: &JournalError) -> bool {
    use JournalError::{Expired, OutOfScope, Revoked, TooMany};
    matches!(error, Expired | Revoked | OutOfScope | TooMany)
}

/// In force when this returns, and on the disk, unless the reserve too refuses.
async fn act_here(journal: &Journal, store: &Store, instead: Instead) {
    let until = journal.now() + REMEMBERED;
    let (account, but, lock) = match instead {
        Instead::Locked(account) => (account, None, Some(Revoked::Account(account))),
        Instead::Ended(account, but) => (account, but, None),
    };
    lock.into_iter().for_each(|lock| journal.revoke_here(lock, until));
    let open = async { open_sessions(&mut *store.read().await?, account).await };
    // A locked account opens no page without them either: whoever comes is looked up.
    let open = tokio::time::timeout(RECORDED_WITHIN, open).await.ok().and_then(Result::ok).unwrap_or_default();
    let open = open.into_iter().filter(|session| Some(*session) != but).map(Revoked::Session);
    let all: Vec<Revoked> = lock.into_iter().chain(open).collect();
    all.iter().for_each(|what| journal.revoke_here(*what, until));
    for what in all {
        if let Err(error) = journal.revoke_any(what, until).await {
            tracing::error!(%error, "a lock is in force but could not be written to the reserve");
        }
    }
}

async fn recorded(journal: &Journal, instead: Instead) {
    if let Instead::Locked(account) = instead {
        unlock(journal, account).await;
    }
}

/// Whether somebody may come in by an account: it is in use, and not locked here.
pub(crate) fn is_in_use(journal: &Journal, row: &AccountRow) -> bool {
    row.active && !journal.has_revoked(Revoked::Account(row.id))
}

/// The database knows better now.
pub(crate) async fn unlock(journal: &Journal, account: AccountId) {
    if let Err(error) = journal.lift(Revoked::Account(account)).await {
        tracing::warn!(%error, "a lock that is recorded now stays in the reserve until it ends");
    }
}

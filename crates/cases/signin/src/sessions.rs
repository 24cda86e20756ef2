//! A session honored, kept, ended.

use crate::{
    SignInService, SignedIn,
    ending::is_in_use,
    model::{AccountRow, SessionRow, SessionSecrets, session_place},
    service::SessionFault,
    sql,
};
use identity::{
    AtOnce, NotResumed, Resumed, SESSION_SECONDS_MAX, SessionToken, StoredSession, door_actor, resume, system_actor,
};
use journal::{Applied, Effect, JournalError, Refusal, Revoked, WriteTx};
use policy::{CloseFaulted, EndSession, EndedBecause, Facts, PurgeSessions, RenewSession};
use std::{str::FromStr as _, time::Duration};
use store::StoreError;
use types::{ClientAddress, Event, Extra, SessionId, SystemActor, Time};

/// No session lives longer, whatever was decided of it.
const LONGEST: Duration = Duration::from_secs(SESSION_SECONDS_MAX);
/// Counters older than this are deleted.
const FORGET: Duration = Duration::from_secs(7200);
/// Tokens past their end are shown to their holders for this long.
const TOKENS_SHOWN: Duration = Duration::from_secs(30 * 86_400);

fn past(now: Time) -> sql::Past {
    sql::Past { now, failures: now - FORGET, tokens: now - TOKENS_SHOWN }
}

impl SignInService {
    /// Honors a cookie for this request. What is forged is traced; what is merely over is not.
    pub async fn resume(&self, cookie: &str, address: ClientAddress) -> Result<SignedIn, SessionFault> {
        let parts = &self.0;
        let now = parts.journal.now();
        let Admitted { session, stored, account, kept, resumed } = self.admit(cookie, address, now).await?;
        let secrets = account.secrets(&parts.keys).map_err(|error| {
            tracing::error!(%error, "the account of a session cannot be read");
            SessionFault::Broken(session)
        })?;
        let previous = kept.as_ref().and_then(SessionSecrets::previous);
        let at_once = kept.map(|kept| kept.at_once()).unwrap_or_default();
        if at_once == AtOnce::First {
            self.note_there(session);
        }
        if let Ok(Some(renewed)) = stored.renewed(&parts.door_key, now) {
            self.keep(&resumed.authenticated, session, renewed, now);
        }
        Ok(SignedIn {
            session,
            account: account.id,
            login: secrets.login.clone(),
            display_name: secrets.display_name.clone(),
            role: account.role,
            supplier: account.supplier,
            opened: resumed.opened,
            idle_until: (now + resumed.idle).min(resumed.absolute_until).max(resumed.idle_until),
            absolute_until: resumed.absolute_until,
            at_once,
            previous,
            is_break_glass: secrets.envelopes.is_some(),
            password_due: secrets.envelopes.is_none()
                && self.password_policy(account.role).is_due(secrets.password_since.map(Time::from_micros), now),
            authenticated: resumed.authenticated,
        })
    }

    /// Which session a cookie names, if it is honored. Asking prolongs nothing.
    pub async fn honored(&self, cookie: &str, address: ClientAddress) -> Result<Honored, SessionFault> {
        let admitted = self.admit(cookie, address, self.0.journal.now()).await?;
        let at_once = admitted.kept.map(|kept| kept.at_once()).unwrap_or_default();
        Ok(Honored { session: admitted.session, at_once })
    }

    /// The session that a cookie names, if it is honored.
    async fn admit(&self, cookie: &str, address: ClientAddress, now: Time) -> Result<Admitted, SessionFault> {
        let parts = &self.0;
        let Ok(token) = SessionToken::from_str(cookie) else {
            self.refused(address, "malformed session token").await;
            return Err(SessionFault::SignedOut);
        };
        // Before the store is asked: a revocation holds whatever the store says.
        if parts.journal.is_revoked(token.id()) {
            return Err(self.over(&token).await);
        }
        let read = async {
            let mut connection = parts.store.read().await?;
            sql::session(&mut connection, token.id(), parts.settings.door).await
        };
        let row = read.await.map_err(|error: StoreError| {
            tracing::warn!(%error, "sessions cannot be read");
            SessionFault::Unavailable
        })?;
        let Some(SessionRow { stored, sealed, account }) = row else { return Err(self.over(&token).await) };
        if !is_in_use(&parts.journal, &account) {
            return Err(SessionFault::SignedOut);
        }
        let resumed = match resume(&stored, &token, &parts.door_key, address, now) {
            Ok(resumed) => resumed,
            Err(why @ (NotResumed::Forged | NotResumed::WrongToken | NotResumed::Malformed)) => {
                self.refused(address, &why.to_string()).await;
                return Err(SessionFault::SignedOut);
            }
            Err(NotResumed::Idle | NotResumed::Ended) => return Err(SessionFault::SignedOut),
        };
        // The record says whose it is; the row must agree.
        if resumed.authenticated.account() != Some(account.id) || resumed.authenticated.role() != Some(account.role) {
            self.refused(address, "the session and its account disagree").await;
            return Err(SessionFault::SignedOut);
        }
        let session = token.id();
        let place: [&[u8]; 2] = [session.as_bytes(), account.id.as_bytes()];
        let kept = SessionSecrets::open(&parts.keys, session_place(&place), &sealed).ok();
        Ok(Admitted { session, stored, account, kept, resumed })
    }

    /// What a token that opens nothing is told: why, if another sign-in closed its session.
    async fn over(&self, token: &SessionToken) -> SessionFault {
        match self.closed_by(token).await {
            Ok(Some(other)) => SessionFault::Closed(other),
            Ok(None) => SessionFault::SignedOut,
            Err(error) => {
                tracing::warn!(%error, "what closed a session cannot be read");
                SessionFault::SignedOut
            }
        }
    }

    /// Writes down which sessions another sign-in closed: they are in the same account.
    pub(crate) async fn note_closed(&self, address: ClientAddress, closed: Vec<SessionId>) {
        let parts = &self.0;
        let who = door_actor(parts.settings.door, address, Some(parts.settings.establishment), parts.journal.now());
        for session in closed {
            let detail = Some(format!("session {session}: closed by another sign-in to its account"));
            if let Err(error) = parts.journal.note(&who, Event::SessionClosed, detail).await {
                tracing::warn!(%error, "a session was closed by another; the trace could not be written");
            }
        }
    }

    /// Moves the idle end, in a task of its own: a page does not wait for it.
    fn keep(&self, who: &identity::Authenticated, session: SessionId, renewed: StoredSession, now: Time) {
        let Some(account) = who.account() else { return };
        let action = RenewSession { account, session };
        let Ok(authorized) = self.0.policies.decide(who, action, &Facts::default(), now) else { return };
        let journal = self.0.journal.clone();
        tokio::spawn(async move {
            if let Err(error) = journal.perform(authorized, Renew(renewed)).await {
                tracing::warn!(%error, "a session could not be renewed");
            }
        });
    }

    /// Ends a session at once; the database and the journal follow when they can. Nobody who leaves meanwhile stops it.
    pub async fn end(&self, who: &SignedIn, because: EndedBecause) {
        self.end_session(who, who.session, because).await;
    }

    /// The same of any session of one's own. Whose it is, the caller has checked.
    pub(crate) async fn end_session(&self, who: &SignedIn, session: SessionId, because: EndedBecause) {
        let parts = &self.0;
        let now = parts.journal.now();
        let action = EndSession { account: who.account, session, because };
        let authorized = parts.policies.decide(&who.authenticated, action, &Facts::default(), now);
        let until = now + LONGEST;
        let journal = parts.journal.clone();
        let service = self.clone();
        let revoked = parts.journal.own(async move {
            if let Err(error) = journal.revoke(session, until).await {
                tracing::error!(%error, "a revocation is in force but could not be written to the reserve");
            }
            let after = journal.clone();
            journal.own(async move {
                match authorized {
                    Ok(authorized) => {
                        if let Err(error) = after.perform(authorized, Delete).await {
                            tracing::warn!(%error, "a session is revoked; its record could not be deleted yet");
                        }
                    }
                    Err(error) => {
                        tracing::error!(%error, "ending one's own session was not permitted");
                        service.close_faulted(session).await;
                    }
                }
            });
        });
        // The revocation is waited for, what follows it is not.
        let _ = revoked.await;
    }

    /// Cuts a session that met an internal error (acces-web DT8): in force on this node when this returns; the reserve,
    /// the trace and the end of its record, by which other nodes learn of it, follow in a task of its own.
    pub fn cut(&self, session: SessionId) {
        let parts = &self.0;
        let now = parts.journal.now();
        let until = now + LONGEST;
        parts.journal.revoke_here(Revoked::Session(session), until);
        let service = self.clone();
        parts.journal.own(async move {
            if let Err(error) = service.0.journal.revoke(session, until).await {
                tracing::error!(%error, "a revocation is in force but could not be written to the reserve");
            }
            service.close_faulted(session).await;
        });
    }

    /// Deletes the record of a session that is revoked here, by the node; where it cannot, the journal tells it alone.
    async fn close_faulted(&self, session: SessionId) {
        let parts = &self.0;
        let now = parts.journal.now();
        let node = system_actor(SystemActor::Node, Some(parts.settings.establishment), now);
        let detail = format!("session {session}: an internal error");
        let action = CloseFaulted { session, detail: detail.clone() };
        let closed = match parts.policies.decide(&node, action, &Facts::default(), now) {
            Ok(authorized) => parts.journal.perform(authorized, Delete).await,
            Err(error) => Err(JournalError::Malformed(error.to_string())),
        };
        let Err(error) = closed else { return };
        tracing::warn!(%error, "a session is closed on a fault; its record could not be deleted");
        if let Err(error) = parts.journal.note(&node, Event::SessionClosed, Some(detail)).await {
            tracing::warn!(%error, "a session was closed on a fault; the trace could not be written");
        }
    }

    /// Signs out of a session whose record cannot be read at present: in force at once, then traced in a task of its
    /// own. The caller has checked, by its token, that the form was served to this very session.
    pub async fn end_unread(&self, session: SessionId, address: ClientAddress) {
        let parts = &self.0;
        let now = parts.journal.now();
        let until = now + LONGEST;
        let who = door_actor(parts.settings.door, address, Some(parts.settings.establishment), now);
        let detail = Some(format!("session {session}: asked, while its record could not be read"));
        let journal = parts.journal.clone();
        let revoked = parts.journal.own(async move {
            if let Err(error) = journal.revoke(session, until).await {
                tracing::error!(%error, "a revocation is in force but could not be written to the reserve");
            }
            let after = journal.clone();
            journal.own(async move {
                if let Err(error) = after.note(&who, Event::SignOut, detail).await {
                    tracing::warn!(%error, "a session is revoked; the trace could not be written");
                }
            });
        });
        let _ = revoked.await;
    }

    /// A stranger asked for what needs a session.
    pub async fn stranger(&self, address: ClientAddress) {
        self.refused(address, "no session").await;
    }

    /// Somebody with a session asked for what his role does not have.
    pub async fn turned_away(&self, who: &SignedIn, what: &'static str) {
        let refusal = Refusal { target: what.into(), reason: "not of this role".into() };
        if let Err(error) = self.0.journal.refuse(&who.authenticated, Event::Refused, &refusal).await {
            tracing::warn!(%error, "a refusal could not be traced");
        }
    }

    /// Somebody with a session asks for a page or sends a form: recorded if trace controllers want it so, before it is
    /// answered. Where it cannot be, what needs a trace of its own is refused for that; cuts and signing out are not.
    pub async fn note_request(&self, who: &SignedIn, method: &str, path: &str) {
        let noted = self.0.journal.note_extra(&who.authenticated, Extra::Requests, &format!("{method} {path}")).await;
        if let Err(error) = noted {
            tracing::warn!(%error, "a request could not be recorded");
        }
    }

    /// Deletes what is past its end. The node calls it from time to time.
    pub async fn purge(&self) -> Result<(), JournalError> {
        let parts = &self.0;
        let now = parts.journal.now();
        let mut connection = parts.store.read().await?;
        if !sql::anything_past(&mut connection, past(now)).await? {
            return Ok(());
        }
        drop(connection);
        let who = system_actor(SystemActor::Node, None, now);
        let authorized = parts
            .policies
            .decide(&who, PurgeSessions {}, &Facts::default(), now)
            .map_err(|error| JournalError::Malformed(error.to_string()))?;
        parts.journal.perform(authorized, Purge).await
    }

    pub(crate) async fn refused(&self, address: ClientAddress, reason: &str) {
        let who = door_actor(self.0.settings.door, address, Some(self.0.settings.establishment), self.0.journal.now());
        let refusal = Refusal { target: "session".into(), reason: reason.to_owned() };
        if let Err(error) = self.0.journal.refuse(&who, Event::Refused, &refusal).await {
            tracing::warn!(%error, "a refusal could not be traced");
        }
    }
}

/// A session with its account, once its record, its token and its times were found right.
struct Admitted {
    session: SessionId,
    stored: StoredSession,
    account: AccountRow,
    kept: Option<SessionSecrets>,
    resumed: Resumed,
}

/// A session that is honored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Honored {
    /// Which.
    pub session: SessionId,
    /// How many its account may have, by the rules that it was opened under.
    pub at_once: AtOnce,
}

struct Renew(StoredSession);

impl Effect<RenewSession> for Renew {
    type Output = ();
    async fn apply(&self, tx: &mut WriteTx<'_, RenewSession>) -> Result<Applied<()>, StoreError> {
        let session = tx.action().session;
        sql::renew_session(tx.connection(), session, &self.0).await?;
        Ok(Applied::done(()))
    }
}

struct Delete;

impl Effect<EndSession> for Delete {
    type Output = ();
    async fn apply(&self, tx: &mut WriteTx<'_, EndSession>) -> Result<Applied<()>, StoreError> {
        let session = tx.action().session;
        sql::delete_session(tx.connection(), session).await?;
        Ok(Applied::done(()))
    }
}

impl Effect<CloseFaulted> for Delete {
    type Output = ();
    async fn apply(&self, tx: &mut WriteTx<'_, CloseFaulted>) -> Result<Applied<()>, StoreError> {
        let session = tx.action().session;
        sql::delete_session(tx.connection(), session).await?;
        Ok(Applied::done(()))
    }
}

struct Purge;

impl Effect<PurgeSessions> for Purge {
    type Output = ();
    async fn apply(&self, tx: &mut WriteTx<'_, PurgeSessions>) -> Result<Applied<()>, StoreError> {
        let now = tx.now();
        sql::purge(tx.connection(), past(now)).await?;
        Ok(Applied::done(()))
    }
}

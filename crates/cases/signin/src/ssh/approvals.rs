//! Approval in the browser, at the relays' end: asked for once by a connection, looked at while its holder answers, spent once.
//! It lies in the store, for the browser may be at another node.

use super::{SshRefused, SshSeen, SshSignIn, is_technician};
use crate::{
    approvals::{
        model::{
            APPROVAL_LIFE, Answer, Asked, COUNTED, SshAnswer, SshAsked, State, UNUSED_MAX, draw_words, shown_target,
        },
        sql::{ApprovalInsert, approval, asked_since, close, insert, is_open, settle},
    },
    model::{AccountRow, LastSignIn},
    sql,
};
use identity::{SecondFactor, door_actor};
use journal::{Applied, Effect, JournalError, WriteTx};
use policy::{Action, AskSshApproval, Authorized, CloseSshApproval, Facts, OpenSession};
use std::sync::{Arc, PoisonError};
use store::StoreError;
use types::{AccountId, ClientAddress, Door, SessionId, SshApprovalId};
use vault::random;

impl SshSeen {
    fn approval(&self) -> Option<SshApprovalId> {
        *self.approval.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unwritten(error: JournalError) -> SshRefused {
    tracing::warn!(%error, "an approval of a sign-in could not be traced or stored");
    SshRefused::Unavailable
}

impl SshSignIn {
    /// Asks the key's holder, in his browser, whether it is he: once for a connection, and not while another waits from
    /// elsewhere, several brought nobody in, or one was refused lately. `target` is the equipment that he may reach and named.
    pub async fn ask_approval(
        &self,
        seen: &SshSeen,
        target: Option<&str>,
        address: ClientAddress,
    ) -> Result<SshAsked, SshRefused> {
        let parts = &self.0;
        let now = parts.journal.now();
        if address != seen.address() || seen.approval().is_some() {
            return Err(SshRefused::Refused);
        }
        let (id, ends) = (SshApprovalId::from_bytes(random()?), now + APPROVAL_LIFE);
        let asked = Asked {
            connection: *seen.recognized.connection().as_bytes(),
            fingerprint: seen.fingerprint().to_owned(),
            address: address.to_string(),
            words: draw_words()?,
            target: target.map(shown_target),
            version: seen.version,
            at: now.micros(),
            ends: ends.micros(),
        };
        let (account, establishment) = (seen.account(), seen.establishment());
        let sealed = asked.seal(&parts.keys, id, account)?;
        let row = ApprovalInsert { id, account, sealed, asked: now, ends };
        let authorized = self.at_door(seen, AskSshApproval { establishment, account, approval: id })?;
        let effect = Ask { service: self.clone(), version: seen.version, address, row };
        if !parts.journal.perform(authorized, effect).await.map_err(unwritten)? {
            return Err(SshRefused::Refused);
        }
        *seen.approval.lock().unwrap_or_else(PoisonError::into_inner) = Some(id);
        Ok(SshAsked { words: asked.words, ends })
    }

    /// What became of what this connection asked. Approved, it serves now, once, and the connection is that person's: while his
    /// account is as it was and the session that approved it has not ended.
    pub async fn approved(&self, seen: &SshSeen, address: ClientAddress) -> Result<SshAnswer, SshRefused> {
        let parts = &self.0;
        let now = parts.journal.now();
        let Some(id) = seen.approval().filter(|_| address == seen.address()) else { return Ok(SshAnswer::Over) };
        let mut connection = parts.store.read().await?;
        let row = approval(&mut connection, (seen.account(), id)).await?;
        let account = sql::account_by_id(&mut connection, seen.account()).await?.filter(|row| parts.works_here(row));
        drop(connection);
        let (Some(row), Some(account)) = (row, account) else { return Ok(SshAnswer::Over) };
        let asked = Asked::open(&parts.keys, &row)?;
        match row.state {
            State::Waiting if now < asked.ends() => return Ok(SshAnswer::Waits),
            State::Given => {}
            State::Waiting | State::Refused | State::Used | State::Over => return Ok(SshAnswer::Over),
        }
        let answer = Answer::open(&parts.keys, &row)?;
        // A session that ended here counts as ended before its row is gone.
        let revoked = parts.journal.is_revoked(answer.session());
        let factor = seen.recognized.approved(&answer.to(&asked, row.account)?, now);
        let Some(factor) = factor.ok().filter(|_| !revoked) else {
            self.refused(address, "an approval that opens nothing here").await;
            return Ok(SshAnswer::Over);
        };
        self.spend(seen, (account, answer.session()), id, factor).await
    }

    async fn spend(
        &self,
        seen: &SshSeen,
        (row, session): (AccountRow, SessionId),
        id: SshApprovalId,
        factor: SecondFactor,
    ) -> Result<SshAnswer, SshRefused> {
        let parts = &self.0;
        let (account, establishment) = (seen.account(), seen.establishment());
        let sign_in = LastSignIn { at: parts.journal.now(), address: seen.address() };
        let sealed = row.signed_in(&parts.keys, sign_in, "SSH")?;
        let action = OpenSession { establishment, account: Some(account), door: Door::Relays };
        let authorized = self.at_door(seen, action)?;
        let effect = Spend { id, account: (account, seen.version), session, sealed };
        if !parts.journal.perform(authorized, effect).await.map_err(unwritten)? {
            return Ok(SshAnswer::Over);
        }
        seen.take_up(&Arc::new(factor));
        Ok(SshAnswer::Given)
    }

    /// Nothing comes any more of what this connection asked: it is gone, or came in by the code. What has served stays as it is.
    pub async fn close_approval(&self, seen: &SshSeen) {
        let Some(id) = seen.approval() else { return };
        if let Err(error) = self.try_close(seen, id).await {
            tracing::warn!(%error, "an approval that serves no more stays as it was, until its end");
        }
    }

    async fn try_close(&self, seen: &SshSeen, id: SshApprovalId) -> Result<(), SshRefused> {
        let parts = &self.0;
        let (account, establishment) = (seen.account(), seen.establishment());
        let mut connection = parts.store.read().await?;
        let row = approval(&mut connection, (account, id)).await?;
        drop(connection);
        if !row.is_some_and(|row| matches!(row.state, State::Waiting | State::Given)) {
            return Ok(());
        }
        let authorized = self.at_door(seen, CloseSshApproval { establishment, account, approval: id })?;
        parts.journal.perform(authorized, Close).await.map_err(unwritten)
    }

    fn at_door<A: Action>(&self, seen: &SshSeen, action: A) -> Result<Authorized<A>, SshRefused> {
        let now = self.0.journal.now();
        let who = door_actor(Door::Relays, seen.address(), Some(seen.establishment()), now);
        self.0.policies.decide(&who, action, &Facts::default(), now).map_err(|_| SshRefused::Unavailable)
    }
}

struct Ask {
    service: SshSignIn,
    /// Of the account when the key was shown.
    version: i64,
    address: ClientAddress,
    row: ApprovalInsert,
}

impl Effect<AskSshApproval> for Ask {
    type Output = bool;

    async fn apply(&self, tx: &mut WriteTx<'_, AskSshApproval>) -> Result<Applied<bool>, StoreError> {
        let now = tx.now();
        let account = sql::account_by_id(tx.connection(), self.row.account).await?.filter(is_technician);
        if account.is_none_or(|account| account.version != self.version) {
            return Ok(Applied::refused(false));
        }
        let recent = asked_since(tx.connection(), self.row.account, now - COUNTED).await?;
        let unused = recent.iter().filter(|row| row.state != State::Used).count();
        if unused >= UNUSED_MAX || recent.iter().any(|row| row.state == State::Refused) {
            return Ok(Applied::refused(false));
        }
        for row in recent.iter().filter(|row| matches!(row.state, State::Waiting | State::Given)) {
            let asked = Asked::open(&self.service.0.keys, row)?;
            // Whoever is elsewhere with the same key takes nobody's place: what its holder looks at stays. From the same place
            // it is he who came again.
            if now < asked.ends() && asked.from()? != self.address {
                return Ok(Applied::refused(false));
            }
            close(tx.connection(), (row.account, row.id)).await?;
        }
        insert(tx.connection(), &self.row).await?;
        Ok(Applied::done(true))
    }
}

struct Spend {
    id: SshApprovalId,
    /// As it was read.
    account: (AccountId, i64),
    /// The one that approved it.
    session: SessionId,
    sealed: Vec<u8>,
}

impl Effect<OpenSession> for Spend {
    type Output = bool;

    async fn apply(&self, tx: &mut WriteTx<'_, OpenSession>) -> Result<Applied<bool>, StoreError> {
        let (now, account) = (tx.now(), self.account.0);
        if !is_open(tx.connection(), (self.session, account, Door::Suppliers), now).await? {
            return Ok(Applied::refused(false));
        }
        // Spent in any case: of two that try at once, one gets it; and worth something while the account is as it was.
        let spent = settle(tx.connection(), (account, self.id), (State::Given, State::Used), now).await?
            && sql::record_other_sign_in(tx.connection(), self.account, self.sealed.clone()).await?;
        Ok(if spent { Applied::done(true) } else { Applied::refused(false) })
    }
}

struct Close;

impl Effect<CloseSshApproval> for Close {
    type Output = ();

    async fn apply(&self, tx: &mut WriteTx<'_, CloseSshApproval>) -> Result<Applied<()>, StoreError> {
        let whose = (tx.action().account, tx.action().approval);
        let closed = close(tx.connection(), whose).await?;
        Ok(if closed { Applied::done(()) } else { Applied::refused(()) })
    }
}

//! A sign-in by SSH approved in its holder's browser, at the browser's end. The relays ask (`ssh/approvals.rs`); here somebody
//! signed in sees what waits in his name, and says whether it is his.

pub(crate) mod model;
pub(crate) mod sql;

use crate::{
    OwnError, SignInService, SignedIn,
    means::{model::SshKeySecrets, sql::ssh_key_of},
    sql::account_by_id,
};
use journal::{Applied, Effect, WriteTx};
use model::{APPROVAL_LIFE, Answer, Asked, SshWaiting, State};
use policy::{ApproveSsh, Facts, RefuseSsh, SeeOwnMeans};
use store::StoreError;
use types::{SshApprovalId, Time};

impl SignInService {
    /// The sign-in by SSH that waits for somebody's answer, if one does.
    pub async fn ssh_waiting(&self, who: &SignedIn) -> Result<Option<SshWaiting>, OwnError> {
        let parts = self.parts();
        let now = parts.journal.now();
        let address = who.authenticated.address().ok_or(OwnError::Denied)?;
        parts.policies.decide(&who.authenticated, SeeOwnMeans { account: who.account }, &Facts::default(), now)?;
        let mut connection = parts.store.read().await?;
        let rows = sql::asked_since(&mut connection, who.account, now - APPROVAL_LIFE).await?;
        let Some(row) = rows.into_iter().find(|row| row.state == State::Waiting) else { return Ok(None) };
        let asked = Asked::open(&parts.keys, &row)?;
        if now >= asked.ends() {
            return Ok(None);
        }
        let account = account_by_id(&mut connection, who.account).await?.ok_or(OwnError::Denied)?;
        let key = ssh_key_of(&mut connection, who.account, &asked.fingerprint).await?;
        drop(connection);
        let label = match key {
            Some(key) => SshKeySecrets::open(&parts.keys, who.account, &key)?.label,
            None => String::new(),
        };
        let from = asked.from()?;
        Ok(Some(SshWaiting {
            id: row.id,
            is_usual: account.is_home(&parts.keys, from.source(), now),
            is_here: from == address,
            address: from,
            label,
            asked: Time::from_micros(asked.at),
            ends: asked.ends(),
            target: asked.target,
            fingerprint: asked.fingerprint,
        }))
    }

    /// Approves one: from where it comes only, by a session that proved lately who it is of, and who has the terminal before
    /// him: `typed` is the code that it shows. One that is not there, or another's, is denied.
    pub async fn approve_ssh(
        &self,
        who: &SignedIn,
        approval: SshApprovalId,
        typed: &str,
    ) -> Result<SshAnswered, OwnError> {
        let parts = self.parts();
        let now = parts.journal.now();
        let address = who.authenticated.address().ok_or(OwnError::Denied)?;
        let action = ApproveSsh { account: who.account, approval };
        let authorized = parts.policies.decide(&who.authenticated, action, &Facts::default(), now)?;
        let mut connection = parts.store.read().await?;
        let row = sql::approval(&mut connection, (who.account, approval)).await?;
        drop(connection);
        let row = row.ok_or(OwnError::Denied)?;
        match row.state {
            State::Waiting => {}
            // Pressed twice.
            State::Given | State::Used => return Ok(SshAnswered::Done),
            State::Refused | State::Over => return Ok(SshAnswered::Late),
        }
        let asked = Asked::open(&parts.keys, &row)?;
        if asked.from()? != address {
            self.refused(address, "a sign-in by SSH approved from elsewhere").await;
            return Ok(SshAnswered::Late);
        }
        if !same_words(&asked.words, typed) {
            self.refused(address, "a sign-in by SSH approved with another terminal's code").await;
            return Ok(SshAnswered::Mistyped);
        }
        let answer = Answer {
            session: *who.session.as_bytes(),
            address: address.to_string(),
            assurance: who.authenticated.assurance().kept(),
        };
        let sealed = answer.seal(&parts.keys, approval, who.account)?;
        let approve = Approve { version: asked.version, ends: asked.ends(), sealed };
        let given = parts.journal.perform(authorized, approve).await?;
        Ok(if given { SshAnswered::Done } else { SshAnswered::Late })
    }

    /// Says of one that it is not one's own, even late: nothing comes of it any more, none is asked for a while, and the desk is
    /// told. [`SshAnswered::Late`]: it has served.
    pub async fn refuse_ssh(&self, who: &SignedIn, approval: SshApprovalId) -> Result<SshAnswered, OwnError> {
        let parts = self.parts();
        let now = parts.journal.now();
        let action = RefuseSsh { account: who.account, approval };
        let authorized = parts.policies.decide(&who.authenticated, action, &Facts::default(), now)?;
        let mut connection = parts.store.read().await?;
        let row = sql::approval(&mut connection, (who.account, approval)).await?.ok_or(OwnError::Denied)?;
        drop(connection);
        if row.state == State::Refused {
            return Ok(SshAnswered::Done);
        }
        let refused = parts.journal.perform(authorized, Refuse).await?;
        self.ring(who.account);
        Ok(if refused { SshAnswered::Done } else { SshAnswered::Late })
    }
}

/// What became of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SshAnswered {
    /// What was asked.
    Done,
    /// Nothing: it was over, waits elsewhere, or had served.
    Late,
    /// Nothing: another code was typed than this terminal shows.
    Mistyped,
}

/// Whether somebody typed what a terminal shows, however he groups it.
fn same_words(shown: &str, typed: &str) -> bool {
    let plain = |text: &str| -> String {
        let letters = text.chars().take(64).filter(char::is_ascii_alphanumeric);
        letters.map(|letter| letter.to_ascii_uppercase()).collect()
    };
    let shown = plain(shown);
    !shown.is_empty() && shown == plain(typed)
}

struct Approve {
    /// Of the account when it was asked.
    version: i64,
    ends: Time,
    sealed: Vec<u8>,
}

impl Effect<ApproveSsh> for Approve {
    type Output = bool;

    async fn apply(&self, tx: &mut WriteTx<'_, ApproveSsh>) -> Result<Applied<bool>, StoreError> {
        let (account, approval, now) = (tx.action().account, tx.action().approval, tx.now());
        let row = account_by_id(tx.connection(), account).await?;
        let same = row.is_some_and(|row| row.active && row.version == self.version);
        if !same || now >= self.ends {
            return Ok(Applied::refused(false));
        }
        let answered = sql::answer(tx.connection(), (account, approval), self.sealed.clone(), now).await?;
        Ok(if answered { Applied::done(true) } else { Applied::refused(false) })
    }
}

struct Refuse;

impl Effect<RefuseSsh> for Refuse {
    type Output = bool;

    async fn apply(&self, tx: &mut WriteTx<'_, RefuseSsh>) -> Result<Applied<bool>, StoreError> {
        let whose = (tx.action().account, tx.action().approval);
        // That it is not his is written down in any case: one that served, too, tells of a stolen key.
        Ok(Applied::done(sql::refuse(tx.connection(), whose).await?))
    }
}

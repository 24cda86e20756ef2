//! What changes in the database when means change. Bounds are checked inside the transaction.

use super::{
    model::{PASSKEYS_MAX, SSH_KEYS_MAX, TOKENS_MAX},
    sql,
};
use crate::{
    accounts::sql::{end_sessions, session_is_there},
    ending::Ending,
    outbox::{model::LetterRow, put},
};
use journal::{Applied, Effect, WriteTx};
use policy::{
    AddSshKey, EnrolPasskey, IssueToken, RemovePasskey, RemoveSshKey, RevokePasskey, RevokeToken, TouchToken,
    VouchPasskey,
};
use sqlx::AnyConnection;
use store::StoreError;
use types::{AccountId, EstablishmentId, SessionId};

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    Done,
    /// As many as there may be.
    Full,
    /// It is there already.
    Taken,
    /// It is not there.
    Absent,
}

fn refused(what: Kept) -> Applied<Kept> {
    Applied::refused(what)
}

fn full(count: i64, most: usize) -> bool {
    usize::try_from(count).is_ok_and(|count| count >= most)
}

fn done_if(found: bool) -> Applied<Kept> {
    if found { Applied::done(Kept::Done) } else { refused(Kept::Absent) }
}

/// The same, and its holder is told if it was.
async fn told_if(
    found: bool,
    connection: &mut AnyConnection,
    letter: &Option<LetterRow>,
) -> Result<Applied<Kept>, StoreError> {
    if found {
        put(connection, letter).await?;
    }
    Ok(done_if(found))
}

/// Whether the session that asks is still there, also on a node that has not heard of its end. Parts of the system have none.
async fn still_asks(connection: &mut AnyConnection, asking: Option<SessionId>) -> Result<bool, StoreError> {
    match asking {
        Some(session) => session_is_there(connection, session).await,
        None => Ok(true),
    }
}

pub(crate) struct InsertSshKey {
    pub sealed: Vec<u8>,
    pub asking: Option<SessionId>,
    pub letter: Option<LetterRow>,
}

impl Effect<AddSshKey> for InsertSshKey {
    type Output = Kept;
    async fn apply(&self, tx: &mut WriteTx<'_, AddSshKey>) -> Result<Applied<Kept>, StoreError> {
        let (account, fingerprint, now) = (tx.action().account, tx.action().fingerprint.clone(), tx.now());
        if !still_asks(tx.connection(), self.asking).await? {
            return Ok(refused(Kept::Absent));
        }
        if sql::ssh_key_of(tx.connection(), account, &fingerprint).await?.is_some() {
            return Ok(refused(Kept::Taken));
        }
        if full(sql::count(tx.connection(), sql::Several::SshKeys, account, now).await?, SSH_KEYS_MAX) {
            return Ok(refused(Kept::Full));
        }
        sql::insert_ssh_key(tx.connection(), account, &fingerprint, self.sealed.clone(), now).await?;
        put(tx.connection(), &self.letter).await?;
        Ok(Applied::done(Kept::Done))
    }
}

pub(crate) struct DeleteSshKey(pub Option<LetterRow>);

impl Effect<RemoveSshKey> for DeleteSshKey {
    type Output = Kept;
    async fn apply(&self, tx: &mut WriteTx<'_, RemoveSshKey>) -> Result<Applied<Kept>, StoreError> {
        let (account, fingerprint) = (tx.action().account, tx.action().fingerprint.clone());
        let found = sql::delete_ssh_key(tx.connection(), account, &fingerprint).await?;
        told_if(found, tx.connection(), &self.0).await
    }
}

pub(crate) struct InsertPasskey {
    pub credential: Vec<u8>,
    pub establishment: EstablishmentId,
    pub sealed: Vec<u8>,
    pub asking: Option<SessionId>,
    pub letter: Option<LetterRow>,
}

impl Effect<EnrolPasskey> for InsertPasskey {
    type Output = Kept;
    async fn apply(&self, tx: &mut WriteTx<'_, EnrolPasskey>) -> Result<Applied<Kept>, StoreError> {
        let (account, now) = (tx.action().account, tx.now());
        if !still_asks(tx.connection(), self.asking).await? {
            return Ok(refused(Kept::Absent));
        }
        if sql::passkey_by_credential(tx.connection(), &self.credential).await?.is_some() {
            return Ok(refused(Kept::Taken));
        }
        if full(sql::count(tx.connection(), sql::Several::Passkeys, account, now).await?, PASSKEYS_MAX) {
            return Ok(refused(Kept::Full));
        }
        let whose = (account, self.establishment);
        sql::insert_passkey(tx.connection(), &self.credential, whose, self.sealed.clone(), now).await?;
        put(tx.connection(), &self.letter).await?;
        Ok(Applied::done(Kept::Done))
    }
}

pub(crate) struct KeepVouch {
    pub credential: Vec<u8>,
    pub sealed: Vec<u8>,
}

impl Effect<VouchPasskey> for KeepVouch {
    type Output = Kept;
    async fn apply(&self, tx: &mut WriteTx<'_, VouchPasskey>) -> Result<Applied<Kept>, StoreError> {
        let account = tx.action().account;
        Ok(done_if(sql::vouch_passkey(tx.connection(), &self.credential, account, self.sealed.clone()).await?))
    }
}

/// A passkey sealed anew, in the place of what was read.
pub(crate) struct ResealPasskey {
    pub former: sql::PasskeyRow,
    pub sealed: Vec<u8>,
    pub letter: Option<LetterRow>,
}

impl Effect<EnrolPasskey> for ResealPasskey {
    type Output = Kept;
    async fn apply(&self, tx: &mut WriteTx<'_, EnrolPasskey>) -> Result<Applied<Kept>, StoreError> {
        let found = sql::reseal_passkey(tx.connection(), &self.former, self.sealed.clone()).await?;
        told_if(found, tx.connection(), &self.letter).await
    }
}

/// Takes a passkey away, with the sessions that it may have opened.
pub(crate) struct DeletePasskey {
    pub credential: Vec<u8>,
    /// The session that asks, if it is its holder's own.
    pub but: Option<SessionId>,
    pub letter: Option<LetterRow>,
}

impl DeletePasskey {
    async fn delete(
        &self,
        connection: &mut AnyConnection,
        account: AccountId,
    ) -> Result<Applied<Ending<Kept>>, StoreError> {
        if !sql::delete_passkey(&mut *connection, &self.credential, account).await? {
            return Ok(Applied::refused(Ending::nothing(Kept::Absent)));
        }
        put(&mut *connection, &self.letter).await?;
        let ended = end_sessions(connection, account, self.but).await?;
        Ok(Applied::done(Ending { outcome: Kept::Done, ended }))
    }
}

impl Effect<RevokePasskey> for DeletePasskey {
    type Output = Ending<Kept>;
    async fn apply(&self, tx: &mut WriteTx<'_, RevokePasskey>) -> Result<Applied<Ending<Kept>>, StoreError> {
        let account = tx.action().account;
        self.delete(tx.connection(), account).await
    }
}

impl Effect<RemovePasskey> for DeletePasskey {
    type Output = Ending<Kept>;
    async fn apply(&self, tx: &mut WriteTx<'_, RemovePasskey>) -> Result<Applied<Ending<Kept>>, StoreError> {
        let account = tx.action().account;
        self.delete(tx.connection(), account).await
    }
}

pub(crate) struct InsertToken {
    pub token: sql::TokenInsert,
    pub asking: Option<SessionId>,
    pub letter: Option<LetterRow>,
}

impl Effect<IssueToken> for InsertToken {
    type Output = Kept;
    async fn apply(&self, tx: &mut WriteTx<'_, IssueToken>) -> Result<Applied<Kept>, StoreError> {
        let (account, now) = (tx.action().account, tx.now());
        if !still_asks(tx.connection(), self.asking).await? {
            return Ok(refused(Kept::Absent));
        }
        if full(sql::count(tx.connection(), sql::Several::Tokens, account, now).await?, TOKENS_MAX) {
            return Ok(refused(Kept::Full));
        }
        sql::insert_token(tx.connection(), &self.token).await?;
        put(tx.connection(), &self.letter).await?;
        Ok(Applied::done(Kept::Done))
    }
}

pub(crate) struct DeleteToken(pub Option<LetterRow>);

impl Effect<RevokeToken> for DeleteToken {
    type Output = Kept;
    async fn apply(&self, tx: &mut WriteTx<'_, RevokeToken>) -> Result<Applied<Kept>, StoreError> {
        let (token, account) = (tx.action().token, tx.action().account);
        let found = sql::delete_token(tx.connection(), token, account).await?;
        told_if(found, tx.connection(), &self.0).await
    }
}

pub(crate) struct NoteUse;

impl Effect<TouchToken> for NoteUse {
    type Output = ();
    async fn apply(&self, tx: &mut WriteTx<'_, TouchToken>) -> Result<Applied<()>, StoreError> {
        let (token, now) = (tx.action().token, tx.now());
        sql::use_token(tx.connection(), token, now).await?;
        Ok(Applied::done(()))
    }
}

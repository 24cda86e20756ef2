//! What changes in the database in the life of an account. Bounds are checked inside the transaction.

use super::{model::LinkRow, sql};
use crate::{
    ending::Ending,
    model::{AccountRow, state_column},
    outbox::{model::LetterRow, put},
    sql::{AccountInsert, insert_account, reseal_account, spend_challenge},
};
use journal::{Applied, Effect, WriteTx};
use policy::{
    ChangeAccountState, ChangeAddress, ConfirmLink, CorrectAttributes, DrawLink, InviteAccount, ReviewAccount,
    WithdrawLink,
};
use sqlx::AnyConnection;
use store::StoreError;
use types::{AccountState, EstablishmentId, Role, SupplierId, Time};

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Changed {
    Done,
    /// It is not there.
    Absent,
    /// Somebody else changed it after it was read.
    Meanwhile,
    /// Nobody would be left to manage accounts.
    Last,
    /// There are as many as there may be.
    Full,
}

fn done_if(found: bool, otherwise: Changed) -> Applied<Changed> {
    if found { Applied::done(Changed::Done) } else { Applied::refused(otherwise) }
}

pub(crate) struct Insert {
    pub establishment: EstablishmentId,
    pub supplier: Option<SupplierId>,
    pub login_token: [u8; 32],
    pub sealed: Vec<u8>,
    pub profile: Vec<u8>,
}

impl Effect<InviteAccount> for Insert {
    type Output = ();
    async fn apply(&self, tx: &mut WriteTx<'_, InviteAccount>) -> Result<Applied<()>, StoreError> {
        let insert = AccountInsert {
            id: tx.action().account,
            establishment: self.establishment,
            role: tx.action().role,
            supplier: self.supplier,
            login_token: self.login_token,
            sealed: self.sealed.clone(),
            state: state_column(AccountState::Invited),
            profile: Some(self.profile.clone()),
        };
        insert_account(tx.connection(), insert).await?;
        Ok(Applied::done(()))
    }
}

/// An account sealed anew, to be put in the place of what was read.
pub(crate) struct Resealed {
    pub row: AccountRow,
    pub state: AccountState,
    pub sealed: Vec<u8>,
}

impl Resealed {
    pub(crate) async fn put(&self, connection: &mut AnyConnection) -> Result<bool, StoreError> {
        let read = (self.row.id, self.row.version);
        reseal_account(connection, read, self.sealed.clone(), state_column(self.state)).await
    }
}

pub(crate) struct PutLink {
    /// It says which link leads to the account: another one, put back, leads nowhere.
    pub account: Resealed,
    pub link: LinkRow,
    pub expires: Time,
    pub letters: Vec<LetterRow>,
    /// What makes whoever drew it sign it once.
    pub spends: Option<([u8; 32], Time)>,
}

impl Effect<DrawLink> for PutLink {
    type Output = Changed;
    async fn apply(&self, tx: &mut WriteTx<'_, DrawLink>) -> Result<Applied<Changed>, StoreError> {
        if let Some((digest, until)) = &self.spends
            && !spend_challenge(tx.connection(), digest, *until).await?
        {
            return Ok(Applied::refused(Changed::Meanwhile));
        }
        if !self.account.put(tx.connection()).await? {
            return Ok(Applied::refused(Changed::Meanwhile));
        }
        sql::put_link(tx.connection(), &self.link, self.expires).await?;
        put(tx.connection(), &self.letters).await?;
        Ok(Applied::done(Changed::Done))
    }
}

pub(crate) struct PutAddress {
    pub account: Resealed,
    /// To the former one.
    pub letter: Option<LetterRow>,
}

impl Effect<ChangeAddress> for PutAddress {
    type Output = Changed;
    async fn apply(&self, tx: &mut WriteTx<'_, ChangeAddress>) -> Result<Applied<Changed>, StoreError> {
        let account = tx.action().account;
        if !self.account.put(tx.connection()).await? {
            return Ok(Applied::refused(Changed::Meanwhile));
        }
        // A link that went to the former address, or waits to, opens nothing any more.
        sql::drop_link(tx.connection(), account).await?;
        put(tx.connection(), &self.letter).await?;
        Ok(Applied::done(Changed::Done))
    }
}

pub(crate) struct PutAttributes {
    /// Under the name of now.
    pub account: Resealed,
    pub profile: Reviewed,
    pub letter: Option<LetterRow>,
}

impl Effect<CorrectAttributes> for PutAttributes {
    type Output = Changed;
    async fn apply(&self, tx: &mut WriteTx<'_, CorrectAttributes>) -> Result<Applied<Changed>, StoreError> {
        let account = tx.action().account;
        let former = (account, self.profile.former.as_deref());
        let found = sql::set_profile(tx.connection(), former, self.profile.sealed.clone()).await?;
        if !found || !self.account.put(tx.connection()).await? {
            return Ok(Applied::refused(Changed::Meanwhile));
        }
        put(tx.connection(), &self.letter).await?;
        Ok(Applied::done(Changed::Done))
    }
}

pub(crate) struct SecondConfirms {
    pub link: LinkRow,
    pub sealed: Vec<u8>,
}

impl Effect<ConfirmLink> for SecondConfirms {
    type Output = Changed;
    async fn apply(&self, tx: &mut WriteTx<'_, ConfirmLink>) -> Result<Applied<Changed>, StoreError> {
        let found = sql::reseal_link(tx.connection(), &self.link, self.sealed.clone()).await?;
        Ok(done_if(found, Changed::Meanwhile))
    }
}

pub(crate) struct DropLink(pub Resealed);

impl Effect<WithdrawLink> for DropLink {
    type Output = Changed;
    async fn apply(&self, tx: &mut WriteTx<'_, WithdrawLink>) -> Result<Applied<Changed>, StoreError> {
        let account = tx.action().account;
        if !self.0.put(tx.connection()).await? {
            return Ok(Applied::refused(Changed::Meanwhile));
        }
        Ok(done_if(sql::drop_link(tx.connection(), account).await?, Changed::Absent))
    }
}

pub(crate) struct PutState {
    pub account: Resealed,
    /// The login of the account that nobody administers by, whatever its role: the probes' own.
    pub nobodys: [u8; 32],
    /// Whether it is that one.
    pub is_nobodys: bool,
}

impl Effect<ChangeAccountState> for PutState {
    type Output = Ending<Changed>;
    async fn apply(&self, tx: &mut WriteTx<'_, ChangeAccountState>) -> Result<Applied<Ending<Changed>>, StoreError> {
        let (account, state, row) = (tx.action().account, tx.action().state, &self.account.row);
        let leaves = row.active && state != AccountState::Active;
        if leaves && row.role == Role::Administrator && !self.is_nobodys {
            let place = (row.establishment, Role::Administrator);
            if sql::others_in_use(tx.connection(), place, (account, &self.nobodys)).await? == 0 {
                return Ok(Applied::refused(Ending::nothing(Changed::Last)));
            }
        }
        if !self.account.put(tx.connection()).await? {
            return Ok(Applied::refused(Ending::nothing(Changed::Meanwhile)));
        }
        // Also on reopening: one drawn while it was being suspended must not wake up.
        sql::drop_link(tx.connection(), account).await?;
        let mut ended = Vec::new();
        if state != AccountState::Active {
            ended = sql::end_sessions(tx.connection(), account, None).await?;
        }
        if matches!(state, AccountState::Blocked | AccountState::Closed) {
            ended.extend(sql::end_tokens(tx.connection(), account).await?);
        }
        Ok(Applied::done(Ending { outcome: Changed::Done, ended }))
    }
}

pub(crate) struct Reviewed {
    pub former: Option<Vec<u8>>,
    pub sealed: Vec<u8>,
}

impl Effect<ReviewAccount> for Reviewed {
    type Output = Changed;
    async fn apply(&self, tx: &mut WriteTx<'_, ReviewAccount>) -> Result<Applied<Changed>, StoreError> {
        let account = tx.action().account;
        let former = (account, self.former.as_deref());
        let found = sql::set_profile(tx.connection(), former, self.sealed.clone()).await?;
        Ok(done_if(found, Changed::Meanwhile))
    }
}

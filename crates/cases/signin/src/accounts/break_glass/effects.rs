//! What changes in the database in the life of a break-glass account.

use super::{has_room, model::UseRow, sql};
use crate::{
    accounts::{
        effects::{Changed, Resealed},
        sql::end_sessions,
    },
    ending::Ending,
    model::state_column,
    sql::{AccountInsert, insert_account},
};
use journal::{Applied, Effect, WriteTx};
use policy::{ConfirmEnvelopes, DrawEnvelope, OpenBreakGlass, ReviewBreakGlass, RevokeEnvelopes};
use store::StoreError;
use types::{AccountState, EstablishmentId};

fn done_if(found: bool, otherwise: Changed) -> Applied<Changed> {
    if found { Applied::done(Changed::Done) } else { Applied::refused(otherwise) }
}

pub(crate) struct InsertBreakGlass {
    pub establishment: EstablishmentId,
    pub login_token: [u8; 32],
    pub sealed: Vec<u8>,
    pub profile: Vec<u8>,
}

impl Effect<OpenBreakGlass> for InsertBreakGlass {
    type Output = Changed;
    async fn apply(&self, tx: &mut WriteTx<'_, OpenBreakGlass>) -> Result<Applied<Changed>, StoreError> {
        let (account, role) = (tx.action().account, tx.action().role);
        if !has_room(tx.connection(), self.establishment).await? {
            return Ok(Applied::refused(Changed::Full));
        }
        let insert = AccountInsert {
            id: account,
            establishment: self.establishment,
            role,
            supplier: None,
            login_token: self.login_token,
            sealed: self.sealed.clone(),
            state: state_column(AccountState::Invited),
            profile: Some(self.profile.clone()),
        };
        insert_account(tx.connection(), insert).await?;
        sql::insert(tx.connection(), (account, self.establishment)).await?;
        Ok(Applied::done(Changed::Done))
    }
}

/// An account with other envelopes, if nothing of it changed since it was read.
pub(crate) struct PutEnvelopes(pub Resealed);

macro_rules! puts {
    ($($action:ident),*) => {$(
        impl Effect<$action> for PutEnvelopes {
            type Output = Changed;
            async fn apply(&self, tx: &mut WriteTx<'_, $action>) -> Result<Applied<Changed>, StoreError> {
                Ok(done_if(self.0.put(tx.connection()).await?, Changed::Meanwhile))
            }
        }
    )*};
}

puts!(DrawEnvelope, ConfirmEnvelopes);

impl Effect<RevokeEnvelopes> for PutEnvelopes {
    type Output = Ending<Changed>;
    async fn apply(&self, tx: &mut WriteTx<'_, RevokeEnvelopes>) -> Result<Applied<Ending<Changed>>, StoreError> {
        let account = tx.action().account;
        if !self.0.put(tx.connection()).await? {
            return Ok(Applied::refused(Ending::nothing(Changed::Meanwhile)));
        }
        let ended = end_sessions(tx.connection(), account, None).await?;
        Ok(Applied::done(Ending { outcome: Changed::Done, ended }))
    }
}

pub(crate) struct KeepReview {
    pub row: UseRow,
    pub sealed: Vec<u8>,
}

impl Effect<ReviewBreakGlass> for KeepReview {
    type Output = Changed;
    async fn apply(&self, tx: &mut WriteTx<'_, ReviewBreakGlass>) -> Result<Applied<Changed>, StoreError> {
        let kept = sql::review(tx.connection(), &self.row, self.sealed.clone()).await?;
        Ok(done_if(kept, Changed::Meanwhile))
    }
}

//! What changes in the database with a printed sheet.

use super::sql;
use crate::{
    accounts::{
        effects::{Changed, Resealed},
        sql as accounts,
    },
    ending::Ending,
    outbox::{model::LetterRow, put},
};
use journal::{Applied, Effect, WriteTx};
use policy::{ConfirmSheet, DrawSheet, WithdrawSheet};
use store::StoreError;
use types::SheetId;

pub(crate) struct PutSheet {
    pub account: Resealed,
    pub sheet: SheetId,
    pub codes: Vec<sql::Kept>,
    /// Beside this one: what serves goes on serving, what waited does not.
    pub stay: Vec<SheetId>,
}

impl Effect<DrawSheet> for PutSheet {
    type Output = Changed;
    async fn apply(&self, tx: &mut WriteTx<'_, DrawSheet>) -> Result<Applied<Changed>, StoreError> {
        let account = tx.action().account;
        if !self.account.put(tx.connection()).await? {
            return Ok(Applied::refused(Changed::Meanwhile));
        }
        sql::keep_only(tx.connection(), account, &self.stay).await?;
        sql::put(tx.connection(), (account, self.sheet), &self.codes).await?;
        Ok(Applied::done(Changed::Done))
    }
}

pub(crate) struct PromoteSheet {
    pub account: Resealed,
    pub letter: Option<LetterRow>,
}

impl Effect<ConfirmSheet> for PromoteSheet {
    type Output = Ending<Changed>;
    async fn apply(&self, tx: &mut WriteTx<'_, ConfirmSheet>) -> Result<Applied<Ending<Changed>>, StoreError> {
        let (account, sheet) = (tx.action().account, tx.action().sheet);
        if !self.account.put(tx.connection()).await? {
            return Ok(Applied::refused(Ending::nothing(Changed::Meanwhile)));
        }
        sql::keep_only(tx.connection(), account, &[sheet]).await?;
        // The other second factor's spare codes go with it, and what was opened with it.
        accounts::set_codes(tx.connection(), account, &[]).await?;
        let mut ended = accounts::end_sessions(tx.connection(), account, None).await?;
        ended.extend(accounts::end_tokens(tx.connection(), account).await?);
        put(tx.connection(), &self.letter).await?;
        Ok(Applied::done(Ending { outcome: Changed::Done, ended }))
    }
}

pub(crate) struct DropSheet {
    pub account: Resealed,
    /// Those whose codes are still kept.
    pub stay: Vec<SheetId>,
    /// Whether it served: whoever found it may have come in by it.
    pub served: bool,
    pub letter: Option<LetterRow>,
}

impl Effect<WithdrawSheet> for DropSheet {
    type Output = Ending<Changed>;
    async fn apply(&self, tx: &mut WriteTx<'_, WithdrawSheet>) -> Result<Applied<Ending<Changed>>, StoreError> {
        let account = tx.action().account;
        if !self.account.put(tx.connection()).await? {
            return Ok(Applied::refused(Ending::nothing(Changed::Meanwhile)));
        }
        sql::keep_only(tx.connection(), account, &self.stay).await?;
        let mut ended = Vec::new();
        if self.served {
            accounts::set_codes(tx.connection(), account, &[]).await?;
            accounts::drop_link(tx.connection(), account).await?;
            ended = accounts::end_sessions(tx.connection(), account, None).await?;
            ended.extend(accounts::end_tokens(tx.connection(), account).await?);
        }
        put(tx.connection(), &self.letter).await?;
        Ok(Applied::done(Ending { outcome: Changed::Done, ended }))
    }
}

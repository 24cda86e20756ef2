//! Printed sheets at the doors: a code looked at, and what its holder is told of his own.

use crate::{
    OwnError, SignInService, SignedIn,
    accounts::sheets::{
        model::{Sheet, SheetsSeen, number_of},
        sql,
    },
    model::{AccountRow, AccountSecrets},
    sql::account_by_id,
};
use identity::{SHEET_CODES, SHEET_WINDOW, SheetCode, may_have_sheet};
use policy::{Facts, SeeOwnMeans};
use sqlx::AnyConnection;
use store::StoreError;
use types::{AccountId, Role, SheetId, Time};

/// A code of a sheet that was right: what is spent with the session that it opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SheetUsed {
    pub sheet: SheetId,
    pub number: u8,
}

impl SheetUsed {
    /// Whether it was still there: it is no more.
    pub(crate) async fn spend(self, connection: &mut AnyConnection, account: AccountId) -> Result<bool, StoreError> {
        sql::spend(connection, (account, self.sheet), self.number).await
    }
}

impl SignInService {
    /// Whether a code is one of a sheet's whose turn it is. An account without a sheet, and nobody's, is looked at like one
    /// that has some.
    pub(crate) async fn code_of_sheet(
        &self,
        account: AccountId,
        (sheet, code): (Option<SheetId>, &SheetCode),
    ) -> Result<Option<SheetUsed>, StoreError> {
        let parts = self.parts();
        let id = sheet.unwrap_or(SheetId::from_bytes([0; 16]));
        let mut connection = parts.store.read().await?;
        let first = sql::first(&mut connection, (account, id), SHEET_WINDOW).await?;
        drop(connection);
        let number = number_of(&parts.keys, (account, id), (&first, code))
            .map_err(|error| StoreError::Other(error.to_string()))?;
        Ok(sheet.zip(number).map(|(sheet, number)| SheetUsed { sheet, number }))
    }

    /// The same, of the sheet that serves; nobody's account stands in for one that is not there.
    pub(crate) async fn sheet_code(
        &self,
        account: Option<&AccountRow>,
        code: &SheetCode,
        now: Time,
    ) -> Result<Option<SheetUsed>, StoreError> {
        let row = account.unwrap_or(&self.parts().nobody);
        let secrets = row.secrets(&self.parts().keys)?;
        let sheet = secrets.sheets.as_ref().and_then(|kept| kept.serving(now)).map(Sheet::id);
        self.code_of_sheet(row.id, (sheet, code)).await
    }

    /// The sheet that a link asks for a code of: one that waits, if whoever drew it still might, else the one that serves.
    pub(crate) async fn sheet_for_link(
        &self,
        row: &AccountRow,
        secrets: &AccountSecrets,
        now: Time,
    ) -> Result<Option<SheetId>, StoreError> {
        let Some(kept) = secrets.sheets.as_ref().filter(|_| may_have_sheet(row.role)) else { return Ok(None) };
        if let Some(waits) = kept.waiting(now)
            && self.is_in_charge(waits.by(), row).await?
        {
            return Ok(Some(waits.id()));
        }
        // One of which nothing is left asks nobody for what he cannot have: his link gives him an application.
        let Some(serves) = kept.serving(now).map(Sheet::id) else { return Ok(None) };
        let mut connection = self.parts().store.read().await?;
        let left = sql::first(&mut connection, (row.id, serves), 1).await?;
        Ok((!left.is_empty()).then_some(serves))
    }

    /// Whether somebody is an administrator in use where an account is held.
    pub(crate) async fn is_in_charge(&self, by: AccountId, of: &AccountRow) -> Result<bool, StoreError> {
        let parts = self.parts();
        let mut connection = parts.store.read().await?;
        let Some(row) = account_by_id(&mut connection, by).await? else { return Ok(false) };
        drop(connection);
        let is_active = row.secrets(&parts.keys)?.state()? == types::AccountState::Active;
        Ok(is_active && row.role == Role::Administrator && row.establishment == of.establishment)
    }

    /// Whether some of this door's people may sign in with a printed sheet.
    pub fn takes_sheets(&self) -> bool {
        self.parts().settings.roles.iter().copied().any(may_have_sheet)
    }

    /// What one has of printed sheets; nothing where one signs in otherwise.
    pub async fn own_sheet(&self, who: &SignedIn) -> Result<Option<SheetsSeen>, OwnError> {
        if !may_have_sheet(who.role) {
            return Ok(None);
        }
        let parts = self.parts();
        let now = parts.journal.now();
        parts.policies.decide(&who.authenticated, SeeOwnMeans { account: who.account }, &Facts::default(), now)?;
        let mut connection = parts.store.read().await?;
        let row = account_by_id(&mut connection, who.account).await?.ok_or(OwnError::Denied)?;
        let secrets = row.secrets(&parts.keys)?;
        let Some(kept) = secrets.sheets.as_ref().filter(|kept| kept.instead) else { return Ok(None) };
        let left = match kept.serving(now) {
            Some(sheet) => sql::first(&mut connection, (row.id, sheet.id()), SHEET_CODES).await?,
            None => Vec::new(),
        };
        Ok(Some(kept.seen(now, (left.len(), left.first().map(|(number, _)| *number)))))
    }
}

//! Printed sheets of one-time codes, for those who manage accounts: the second factor of somebody who has no telephone for it.
//!
//! Whoever draws a sheet sees its codes; so it is no second factor before a second person confirmed it, or before its holder
//! took a link, which asks for that person's code besides. Until then what was the second factor goes on serving. One alone
//! gives nobody's account another means, as with links; and a sheet without its holder's password opens nothing.

pub(crate) mod effects;
pub(crate) mod model;
pub(crate) mod sql;

use super::{AccountError, Accounts, done, effects::Resealed, sql::Whole, standing_link};
use crate::{
    ending::{Reserve, perform_ending},
    model::AccountSecrets,
    outbox::{
        News,
        model::{About, LetterRow, Whose},
        told_or_logged,
    },
};
use effects::{DropSheet, PromoteSheet, PutSheet};
use identity::{Authenticated, SHEET_CODES, SheetCode, may_have_sheet};
use model::{DrawnSheet, Sheet, Sheets, SheetsSeen, sheet_digest};
use policy::{ConfirmSheet, DrawSheet, Facts, WithdrawSheet};
use std::time::Duration;
use types::{AccountId, AccountState, IdentityProof, Role, SheetId, Time};
use vault::random;

/// How long a sheet that was handed over waits for a second person or a link: as long as the link of a new account.
pub const SHEET_WAIT: Duration = super::FIRST_LINK_LIFE;
/// How long a sheet serves from the day it was drawn: paper is seen by others, and who uses it once a month has codes over.
pub const SHEET_LIFE: Duration = Duration::from_secs(365 * 86_400);
/// Codes left from which its holder is told to ask for another sheet.
pub const SHEET_FEW: usize = 5;
/// How long before its end he is.
pub const SHEET_ENDS_SOON: Duration = Duration::from_secs(30 * 86_400);

/// What is kept of an account's sheets, if it has or had any.
fn sheets(secrets: &AccountSecrets) -> Sheets {
    secrets.sheets.clone().unwrap_or_default()
}

impl Accounts {
    /// Draws a sheet for somebody whose identity was verified face to face. `seen` is the one that waited when it was asked
    /// for: a page sent twice makes no printed sheet worthless.
    pub async fn draw_sheet(
        &self,
        who: &Authenticated,
        account: AccountId,
        (proof, seen): (IdentityProof, Option<SheetId>),
    ) -> Result<DrawnSheet, AccountError> {
        let parts = &self.0;
        let now = parts.journal.now();
        let whole = self.row_for(who, account).await?;
        let id = SheetId::from_bytes(random()?);
        let action = DrawSheet { account, terms: format!("sheet {id}, identity {proof}") };
        let authorized = parts.policies.decide(who, action, &Facts::default(), now)?;
        // Two people, each with an account: no command stands in for either.
        let by = who.account().ok_or(AccountError::Denied)?;
        if by == account {
            return Err(AccountError::Oneself);
        }
        if !may_have_sheet(whole.account.role) {
            return Err(AccountError::NoSheet);
        }
        // A sheet is handed over, to somebody who was recognised then and there.
        if !proof.is_face_to_face() {
            return Err(AccountError::Field("proof"));
        }
        let mut secrets = whole.account.secrets(&parts.keys)?;
        let by_link = standing_link(&parts.keys, &whole, &secrets, now)?.is_some();
        let row = whole.account;
        let state = secrets.state()?;
        if !matches!(state, AccountState::Invited | AccountState::Active) {
            return Err(AccountError::Life);
        }
        let kept = sheets(&secrets);
        if kept.waiting(now).map(Sheet::id) != seen {
            return Err(AccountError::Meanwhile);
        }
        let stay: Vec<SheetId> = kept.serves.iter().map(Sheet::id).collect();
        let (mut printed, mut codes) = (Vec::new(), Vec::new());
        for number in 1..=SHEET_CODES {
            let code = SheetCode::draw(random()?);
            codes.push((number, sheet_digest(&parts.keys, (account, id, number), &code)?));
            printed.push(code.printed());
        }
        secrets.sheets = Some(Sheets { waits: Some(Sheet::new(id, (by, proof), now)), ..kept });
        let drawn = DrawnSheet {
            id,
            name: secrets.display_name.clone(),
            codes: printed,
            drawn: now,
            until: now + SHEET_LIFE,
            confirms: state == AccountState::Active && !by_link,
        };
        let sealed = row.bond().seal(&parts.keys, &secrets)?;
        let put = PutSheet { account: Resealed { row, state, sealed }, sheet: id, codes, stay };
        done(parts.journal.perform(authorized, put).await?)?;
        Ok(drawn)
    }

    /// Confirms the sheet that another drew and that `seen` names: it is the second factor from now on, in the place of the
    /// application or of the sheet before. What was opened with that ends.
    pub async fn confirm_sheet(
        &self,
        who: &Authenticated,
        account: AccountId,
        seen: SheetId,
    ) -> Result<(), AccountError> {
        let parts = &self.0;
        let now = parts.journal.now();
        let whole = self.row_for(who, account).await?;
        let action = ConfirmSheet { account, sheet: seen };
        let authorized = parts.policies.decide(who, action, &Facts::default(), now)?;
        let by = who.account().ok_or(AccountError::Denied)?;
        let mut secrets = whole.account.secrets(&parts.keys)?;
        let by_link = standing_link(&parts.keys, &whole, &secrets, now)?.is_some();
        let row = whole.account;
        let kept = sheets(&secrets);
        let waits = kept.waiting(now).ok_or(AccountError::Absent)?;
        if waits.id() != seen {
            return Err(AccountError::Meanwhile);
        }
        if waits.by() == by || account == by {
            return Err(AccountError::Second);
        }
        match secrets.state()? {
            // Its link asks for a code of it: confirmed apart, it would end that link.
            AccountState::Active if !by_link => {}
            AccountState::Active | AccountState::Invited => return Err(AccountError::SheetByLink),
            _ => return Err(AccountError::Life),
        }
        if !self.still_draws(who, waits.by()).await? {
            return Err(AccountError::Meanwhile);
        }
        secrets.renewals = Some(secrets.renewals.unwrap_or(0).saturating_add(1));
        // The application opens nothing any more.
        secrets.totp = random()?;
        secrets.ended = Some(now.micros());
        secrets.sheets = Some(kept.promoted());
        let letter = self.sheet_letter((&row, &secrets), About::SheetServes, now).await;
        let (state, sealed) = (AccountState::Active, row.bond().seal(&parts.keys, &secrets)?);
        let put = PromoteSheet { account: Resealed { row, state, sealed }, letter };
        done(perform_ending(&parts.journal, authorized, put, Reserve::Taken).await?)
    }

    /// Takes the sheet that `seen` names away: lost, or not wanted. If it served, what was open ends, and its holder comes in
    /// again with another one.
    pub async fn withdraw_sheet(
        &self,
        who: &Authenticated,
        account: AccountId,
        seen: SheetId,
    ) -> Result<(), AccountError> {
        let parts = &self.0;
        let now = parts.journal.now();
        let row = self.row_for(who, account).await?.account;
        let action = WithdrawSheet { account, sheet: seen };
        let authorized = parts.policies.decide(who, action, &Facts::default(), now)?;
        if who.account() == Some(account) {
            return Err(AccountError::Oneself);
        }
        let mut secrets = row.secrets(&parts.keys)?;
        let kept = sheets(&secrets);
        let is_it = |sheet: &Option<Sheet>| sheet.as_ref().is_some_and(|sheet| sheet.id() == seen);
        let served = is_it(&kept.serves);
        let left = match served {
            true => Sheets { serves: None, ..kept },
            false if is_it(&kept.waits) => Sheets { waits: None, ..kept },
            false => return Err(AccountError::Meanwhile),
        };
        let stay = left.kept();
        secrets.sheets = Some(left);
        if served {
            secrets.renewals = Some(secrets.renewals.unwrap_or(0).saturating_add(1));
            secrets.ended = Some(now.micros());
            secrets.link = None;
        }
        let letter = match served {
            true => self.sheet_letter((&row, &secrets), About::SheetWithdrawn, now).await,
            false => None,
        };
        let (state, sealed) = (secrets.state()?, row.bond().seal(&parts.keys, &secrets)?);
        let drop = DropSheet { account: Resealed { row, state, sealed }, stay, served, letter };
        done(perform_ending(&parts.journal, authorized, drop, Reserve::Taken).await?)
    }

    /// Whether whoever drew a sheet still might: what somebody who is suspended or gone left behind opens nothing.
    async fn still_draws(&self, who: &Authenticated, by: AccountId) -> Result<bool, AccountError> {
        let drawer = match self.row_for(who, by).await {
            Ok(whole) => whole.account,
            Err(AccountError::Absent) => return Ok(false),
            Err(error) => return Err(error),
        };
        let is_active = drawer.secrets(&self.0.keys)?.state()? == AccountState::Active;
        Ok(is_active && drawer.role == Role::Administrator)
    }

    async fn sheet_letter(
        &self,
        (row, secrets): (&crate::model::AccountRow, &AccountSecrets),
        about: About,
        now: Time,
    ) -> Option<LetterRow> {
        let parts = &self.0;
        let (whose, news) = (Whose { row, secrets }, News::default());
        told_or_logged(parts.writes.letter((&parts.store, &parts.keys), whose, (about, news), now).await)
    }

    /// What an account has of printed sheets, where it may have any.
    pub(super) async fn sheets_seen(&self, row: &Whole, now: Time) -> Result<Option<SheetsSeen>, AccountError> {
        if !may_have_sheet(row.account.role) {
            return Ok(None);
        }
        let kept = sheets(&row.account.secrets(&self.0.keys)?);
        let left = match &kept.serves {
            Some(sheet) => {
                let mut connection = self.0.store.read().await?;
                sql::first(&mut connection, (row.account.id, sheet.id()), SHEET_CODES).await?
            }
            None => Vec::new(),
        };
        Ok(Some(kept.seen(now, (left.len(), left.first().map(|(number, _)| *number)))))
    }
}

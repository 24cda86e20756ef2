//! Break-glass accounts, for those who manage accounts: what remains when nobody can sign in otherwise.
//!
//! One signs in by two sealed envelopes and by nothing else. Whoever prepares them draws the first, somebody else confirms and
//! draws the second: nobody ever saw both. They serve once, together. Other ones take their place by two people again.

pub(crate) mod effects;
pub(crate) mod model;
pub(crate) mod sql;

use super::{AccountError, Accounts, done, effects::Resealed, model::Profile, sql::Whole};
use crate::{
    ending::{Reserve, perform_ending},
    enrol::normal_login,
    means::model::label,
    model::{AccountBond, AccountRow, AccountSecrets, Life},
};
use effects::{InsertBreakGlass, KeepReview, PutEnvelopes};
use identity::{Authenticated, BREAK_GLASS_ROLES, Envelope, EnvelopeCode};
use model::{
    BreakGlassSeen, BreakGlassUse, Drawn, DrawnEnvelope, Envelopes, NewBreakGlass, ReviewSecrets, Serve, Waits,
    envelope_digest, words,
};
use policy::{ConfirmEnvelopes, DrawEnvelope, Facts, OpenBreakGlass, ReviewBreakGlass, RevokeEnvelopes};
use std::{collections::HashMap, time::Duration};
use types::{AccountId, AccountState, EnvelopesId, EstablishmentId, IdentityProof, Secret, SessionId, Time};
use vault::{Purpose, random};

/// How long the first envelope waits for a second person.
pub const ENVELOPE_WAIT: Duration = Duration::from_secs(7 * 86_400);
/// After how long others should be drawn.
pub const RENEW_AFTER: Duration = Duration::from_secs(365 * 86_400);
/// How long envelopes serve: half a year more, so that nobody finds them spent in the night after the year.
pub const ENVELOPES_LIFE: Duration = Duration::from_secs(548 * 86_400);
/// Break-glass accounts of one establishment.
pub const BREAK_GLASS_MAX: usize = 20;
/// Uses shown at once: all that wait to be looked at are among them.
pub const BREAK_GLASS_USES_MAX: usize = 50;
const ACCOUNTS_MAX: i64 = BREAK_GLASS_MAX as i64;
const USES_MAX: i64 = BREAK_GLASS_USES_MAX as i64;

/// What is kept of envelopes, of an account that has some or may have.
fn envelopes(secrets: &AccountSecrets) -> Result<&Envelopes, AccountError> {
    secrets.envelopes.as_ref().ok_or(AccountError::Absent)
}

impl Accounts {
    /// Opens a break-glass account and draws its first envelope. It serves nothing before somebody else drew the second.
    pub async fn open_break_glass(
        &self,
        who: &Authenticated,
        new: NewBreakGlass,
    ) -> Result<(AccountId, DrawnEnvelope), AccountError> {
        let parts = &self.0;
        let now = parts.journal.now();
        let establishment = who.establishment().ok_or(AccountError::Denied)?;
        let name = label(&new.name).map_err(|_| AccountError::Field("name"))?;
        let login = login(&new.login)?;
        if !BREAK_GLASS_ROLES.contains(&new.role) {
            return Err(AccountError::Field("role"));
        }
        let account = AccountId::from_bytes(random()?);
        let authorized =
            parts.policies.decide(who, OpenBreakGlass { account, role: new.role }, &Facts::default(), now)?;
        let hash = parts.hasher.nobodys_password().await.ok_or(AccountError::Unavailable)?;
        let life = Life::new(AccountState::Invited, now, who.account());
        let mut secrets = AccountSecrets::new(login.clone(), name.clone(), &hash, life)?;
        secrets.envelopes = Some(Envelopes::default());
        let bond = AccountBond { id: &account, establishment: &establishment, role: new.role, supplier: None };
        // It is nobody's: the account's own name stands where a person's does.
        let attributes = super::model::Attributes { family_name: name, ..Default::default() };
        let insert = InsertBreakGlass {
            establishment,
            login_token: parts.keys.token(Purpose::LoginTokens, &[login.as_bytes()])?,
            sealed: bond.seal(&parts.keys, &secrets)?,
            profile: Profile::new(&attributes, IdentityProof::Known, now)
                .seal(&parts.keys, (account, establishment))?,
        };
        done(parts.journal.perform(authorized, insert).await?)?;
        let drawn = self.draw_envelope(who, account).await?;
        Ok((account, drawn))
    }

    /// Draws the first of two envelopes. Those that serve go on serving until somebody else drew the second.
    pub async fn draw_envelope(&self, who: &Authenticated, account: AccountId) -> Result<DrawnEnvelope, AccountError> {
        let parts = &self.0;
        let now = parts.journal.now();
        let row = self.row_for(who, account).await?.account;
        let id = EnvelopesId::from_bytes(random()?);
        let action = DrawEnvelope { account, envelopes: id };
        let authorized = parts.policies.decide(who, action, &Facts::default(), now)?;
        // Two people, each with an account: no command stands in for either.
        let by = who.account().ok_or(AccountError::Denied)?;
        let mut secrets = row.secrets(&parts.keys)?;
        let kept = envelopes(&secrets)?.clone();
        if secrets.state()? == AccountState::Closed {
            return Err(AccountError::Life);
        }
        let (code, first) = self.envelope((account, id, Envelope::First), by, now)?;
        secrets.envelopes = Some(Envelopes { waits: Some(Waits { id: *id.as_bytes(), first }), ..kept });
        let shown = DrawnEnvelope {
            id,
            name: secrets.display_name.clone(),
            login: secrets.login.clone(),
            role: row.role,
            of: Envelope::First,
            code,
            drawn: now,
            until: now + ENVELOPE_WAIT,
        };
        let put = PutEnvelopes(resealed(&parts.keys, row, &secrets)?);
        done(parts.journal.perform(authorized, put).await?)?;
        Ok(shown)
    }

    /// Confirms the envelope that another drew and that `seen` names, and draws the second: both serve from now on, those of
    /// before no more.
    pub async fn confirm_envelopes(
        &self,
        who: &Authenticated,
        account: AccountId,
        seen: EnvelopesId,
    ) -> Result<DrawnEnvelope, AccountError> {
        let parts = &self.0;
        let now = parts.journal.now();
        let row = self.row_for(who, account).await?.account;
        let action = ConfirmEnvelopes { account, envelopes: seen };
        let authorized = parts.policies.decide(who, action, &Facts::default(), now)?;
        let by = who.account().ok_or(AccountError::Denied)?;
        let mut secrets = row.secrets(&parts.keys)?;
        let waits = envelopes(&secrets)?.waits.clone().ok_or(AccountError::Absent)?;
        if &waits.id != seen.as_bytes() {
            return Err(AccountError::Meanwhile);
        }
        if &waits.first.by == by.as_bytes() || account == by {
            return Err(AccountError::Second);
        }
        if waits.is_over(now) {
            return Err(AccountError::Absent);
        }
        if secrets.state()? == AccountState::Closed {
            return Err(AccountError::Life);
        }
        // Who saw the first one and is here no more is no second person: another one is drawn.
        let first = AccountId::from_bytes(waits.first.by);
        let drawer = self.row_for(who, first).await.map_err(|error| match error {
            AccountError::Absent => AccountError::Meanwhile,
            other => other,
        })?;
        let drawer = drawer.account;
        if !drawer.active || drawer.secrets(&parts.keys)?.state()? != AccountState::Active {
            return Err(AccountError::Meanwhile);
        }
        let (code, second) = self.envelope((account, seen, Envelope::Second), by, now)?;
        let serve = Serve { id: waits.id, first: waits.first, second };
        let until = serve.until();
        secrets.envelopes = Some(Envelopes { waits: None, serve: Some(serve) });
        if secrets.state()? != AccountState::Active {
            secrets.life = Some(Life::new(AccountState::Active, now, Some(by)));
        }
        let shown = DrawnEnvelope {
            id: seen,
            name: secrets.display_name.clone(),
            login: secrets.login.clone(),
            role: row.role,
            of: Envelope::Second,
            code,
            drawn: now,
            until,
        };
        let put = PutEnvelopes(resealed(&parts.keys, row, &secrets)?);
        done(parts.journal.perform(authorized, put).await?)?;
        Ok(shown)
    }

    fn envelope(
        &self,
        (account, id, of): (AccountId, EnvelopesId, Envelope),
        by: AccountId,
        now: Time,
    ) -> Result<(Secret<String>, Drawn), AccountError> {
        let code = EnvelopeCode::draw(&random()?);
        let digest = envelope_digest(&self.0.keys, (account, id.as_bytes(), of), &code)?;
        Ok((code.printed(of), Drawn { digest, by: *by.as_bytes(), at: now.micros() }))
    }

    /// Says that an account's envelopes serve no more, nor the one that waits. What they opened ends.
    pub async fn revoke_envelopes(&self, who: &Authenticated, account: AccountId) -> Result<(), AccountError> {
        let parts = &self.0;
        let row = self.row_for(who, account).await?.account;
        let action = RevokeEnvelopes { account };
        let authorized = parts.policies.decide(who, action, &Facts::default(), parts.journal.now())?;
        if who.account() == Some(account) {
            return Err(AccountError::Oneself);
        }
        let mut secrets = row.secrets(&parts.keys)?;
        envelopes(&secrets)?;
        secrets.envelopes = Some(Envelopes::default());
        let put = PutEnvelopes(resealed(&parts.keys, row, &secrets)?);
        done(perform_ending(&parts.journal, authorized, put, Reserve::Taken).await?)
    }

    /// The establishment's break-glass accounts, by name.
    pub async fn break_glass(&self, who: &Authenticated) -> Result<Vec<BreakGlassSeen>, AccountError> {
        let parts = &self.0;
        let (establishment, now) = (self.seeing(who)?, parts.journal.now());
        let mut connection = parts.store.read().await?;
        let rows = sql::all(&mut connection, establishment, ACCOUNTS_MAX).await?;
        drop(connection);
        let mut all = Vec::new();
        for row in &rows {
            // A row of the table beside makes no account one of these.
            let Some(kept) = row.account.secrets(&parts.keys)?.envelopes.clone() else { continue };
            all.push(BreakGlassSeen { account: self.seen(row, now)?, envelopes: kept.seen(now) });
        }
        all.sort_by(|a, b| a.account.display_name.cmp(&b.account.display_name));
        Ok(all)
    }

    /// What envelopes opened, those that nobody looked at first.
    pub async fn break_glass_uses(&self, who: &Authenticated) -> Result<Vec<BreakGlassUse>, AccountError> {
        let establishment = self.seeing(who)?;
        let mut connection = self.0.store.read().await?;
        let rows = sql::uses(&mut connection, establishment, USES_MAX).await?;
        // A few accounts have many uses: each is read once.
        let (mut uses, mut names) = (Vec::new(), HashMap::new());
        for row in rows {
            let name = match names.get(&row.account) {
                Some(name) => String::clone(name),
                None => {
                    let account = super::sql::one(&mut connection, establishment, row.account).await?;
                    names.entry(row.account).or_insert(self.name_of(account)?).clone()
                }
            };
            // One that somebody altered rings all the same, and hides none of the others.
            let now = self.0.journal.now();
            uses.push(row.open(&self.0.keys, name.clone()).unwrap_or_else(|error| {
                tracing::error!(%error, "what envelopes opened cannot be read");
                row.unreadable(name, now)
            }));
        }
        Ok(uses)
    }

    /// One of them.
    pub async fn break_glass_use(
        &self,
        who: &Authenticated,
        session: SessionId,
    ) -> Result<BreakGlassUse, AccountError> {
        let establishment = self.seeing(who)?;
        let mut connection = self.0.store.read().await?;
        let row = sql::one_use(&mut connection, (establishment, session)).await?.ok_or(AccountError::Absent)?;
        let account = super::sql::one(&mut connection, establishment, row.account).await?;
        Ok(row.open(&self.0.keys, self.name_of(account)?)?)
    }

    fn name_of(&self, account: Option<Whole>) -> Result<String, AccountError> {
        let secrets = account.map(|whole| whole.account.secrets(&self.0.keys)).transpose()?;
        Ok(secrets.map(|secrets| secrets.display_name.clone()).unwrap_or_default())
    }

    /// Says what was found of a session that envelopes opened; once, and never by whoever came in by them.
    pub async fn review_break_glass(
        &self,
        who: &Authenticated,
        session: SessionId,
        found: &str,
    ) -> Result<(), AccountError> {
        let parts = &self.0;
        let now = parts.journal.now();
        let establishment = self.seeing(who)?;
        let mut connection = parts.store.read().await?;
        let row = sql::one_use(&mut connection, (establishment, session)).await?.ok_or(AccountError::Absent)?;
        drop(connection);
        let found = words(found)?;
        let action = ReviewBreakGlass { account: row.account, detail: format!("session {session}: {found}") };
        let authorized = parts.policies.decide(who, action, &Facts::default(), now)?;
        let by = who.account().ok_or(AccountError::Denied)?;
        if by == row.account {
            return Err(AccountError::Oneself);
        }
        if row.open(&parts.keys, String::new())?.review.is_some() {
            return Err(AccountError::Meanwhile);
        }
        let review = ReviewSecrets { by: *by.as_bytes(), at: now.micros(), words: found };
        let sealed = row.seal_review(&parts.keys, &review)?;
        done(parts.journal.perform(authorized, KeepReview { row, sealed }).await?)
    }

    /// Whether an account of that establishment signs in by envelopes: no link leads to it, no mail goes there.
    pub(super) fn by_envelopes(secrets: &AccountSecrets) -> Result<(), AccountError> {
        match secrets.envelopes {
            Some(_) => Err(AccountError::ByEnvelopes),
            None => Ok(()),
        }
    }
}

fn resealed(keys: &vault::Keys, row: AccountRow, secrets: &AccountSecrets) -> Result<Resealed, AccountError> {
    let (state, sealed) = (secrets.state()?, row.bond().seal(keys, secrets)?);
    Ok(Resealed { row, state, sealed })
}

fn login(typed: &str) -> Result<String, AccountError> {
    let login = normal_login(typed);
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let fits = !login.is_empty() && login.chars().count() <= super::model::LOGIN_CHARS_MAX && login.chars().all(plain);
    fits.then_some(login).ok_or(AccountError::Field("login"))
}

/// Whether this establishment may have one more.
pub(crate) async fn has_room(
    connection: &mut sqlx::AnyConnection,
    establishment: EstablishmentId,
) -> Result<bool, store::StoreError> {
    Ok(sql::count(connection, establishment).await? < ACCOUNTS_MAX)
}

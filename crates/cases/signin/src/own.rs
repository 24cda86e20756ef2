//! One's own account: password, second factor, spare codes, open sessions (clausier O-5.2, segur IE.58). Whoever changes
//! what he signs in with gives his password again: a session left open gives nobody the account.

use crate::{
    SignInService, SignedIn,
    accounts::{
        model::LinkSeen,
        sheets::{model::SheetsSeen, sql::keep_only},
        sql, standing_link,
    },
    attempts::{Counters, LoginTokens},
    codes::{draw_code, in_halves, spare_digest},
    ending::{Ending, Reserve, perform_ending},
    hasher::NotHashed,
    model::{AccountRow, PastSignIn, SessionSecrets, session_place, state_column},
    outbox::{
        News,
        model::{About, LetterRow, Whose},
        put,
    },
    sql::{account_by_id, own_sessions, reseal_account, use_step},
};
use identity::{TotpSecret, WeakPassword, new_code_step};
use journal::{Applied, Effect, JournalError, WriteTx};
use policy::{
    ChangePassword, ChangeSecondFactor, DatabaseAction, Denied, DrawSpareCodes, EndedBecause, Facts, Lacking,
    SeeOwnMeans,
};
use sqlx::AnyConnection;
use std::time::Duration;
use store::StoreError;
use types::{AccountState, ClientAddress, LinkId, Secret, SessionId, Time};
use vault::{VaultError, random};

/// Spare codes drawn at once.
pub const SPARE_CODES: usize = 10;

/// Why one's own account was not changed or shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OwnError {
    /// Not permitted: a token changes no means.
    #[error("not permitted")]
    Denied,
    /// The same person has to prove more firmly, or again, who he is.
    #[error("this asks for {0}")]
    Lacking(Lacking),
    /// The new password is the former one.
    #[error("the new password is the former one")]
    Same,
    /// The password given again is wrong.
    #[error("the password is wrong")]
    Wrong,
    /// Too many failures; wait.
    #[error("too many attempts; wait {} s", .0.as_secs())]
    TooMany(Duration),
    /// The hospital's directory keeps the password: it is changed there.
    #[error("the hospital's directory keeps this password")]
    Directory,
    /// The new password is not taken.
    #[error(transparent)]
    Password(#[from] WeakPassword),
    /// The code is not the new second factor's.
    #[error("the code is not the second factor's")]
    Code,
    /// Somebody else changed the account meanwhile.
    #[error("the account was changed meanwhile: look again")]
    Meanwhile,
    /// A store, a key or the journal does not answer.
    #[error("this is not possible at present")]
    Unavailable,
}

impl From<Denied> for OwnError {
    fn from(denied: Denied) -> Self {
        denied.lacking().map_or(Self::Denied, Self::Lacking)
    }
}

impl From<StoreError> for OwnError {
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, "one's own account cannot be read");
        OwnError::Unavailable
    }
}

impl From<VaultError> for OwnError {
    fn from(error: VaultError) -> Self {
        tracing::warn!(%error, "one's own account cannot be sealed or opened");
        OwnError::Unavailable
    }
}

impl From<JournalError> for OwnError {
    fn from(error: JournalError) -> Self {
        tracing::warn!(%error, "a change of one's own account could not be traced or stored");
        OwnError::Unavailable
    }
}

impl From<NotHashed> for OwnError {
    fn from(error: NotHashed) -> Self {
        tracing::warn!(%error, "a password could not be checked");
        OwnError::Unavailable
    }
}

/// A session of one's own at this door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnSession {
    /// Which.
    pub id: SessionId,
    /// The one that asks.
    pub is_this: bool,
    /// Since when.
    pub opened: Time,
    /// From where, where that was kept.
    pub address: Option<ClientAddress>,
    /// What the device calls itself; empty when it does not.
    pub device: String,
    /// Until when, if nothing more is done.
    pub idle_until: Time,
}

/// What one sees of one's own account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnAccount {
    /// The sessions open now, the newest first.
    pub sessions: Vec<OwnSession>,
    /// One's last sign-ins, the newest first.
    pub recent: Vec<PastSignIn>,
    /// Spare codes that have not served.
    pub spare_codes: usize,
    /// The printed sheet that is one's second factor, where it is.
    pub sheet: Option<SheetsSeen>,
    /// A link that would give the account other means: whoever did not ask for it says so.
    pub link: Option<OwnLink>,
}

/// A link to one's own account, as its holder sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnLink {
    /// What names it.
    pub id: LinkId,
    /// When it was drawn.
    pub drawn: Time,
    /// First moment at which it serves, while that is to come.
    pub opens: Option<Time>,
}

/// What an account's holder asks to change.
enum Change {
    /// Whether it is the one given again, too.
    Password(String, bool),
    SecondFactor([u8; 20], u64),
    SpareCodes(Vec<[u8; 32]>),
}

impl Change {
    fn about(&self) -> About {
        match self {
            Change::Password(..) => About::PasswordChanged,
            Change::SecondFactor(..) => About::SecondFactorChanged,
            Change::SpareCodes(_) => About::SpareCodesDrawn,
        }
    }
}

/// What became of it.
pub(crate) enum Outcome {
    Done,
    Wrong,
    Wait(Duration),
    Meanwhile,
}

impl SignInService {
    /// One's own account.
    pub async fn own_account(&self, who: &SignedIn) -> Result<OwnAccount, OwnError> {
        let parts = self.parts();
        let now = parts.journal.now();
        parts.policies.decide(&who.authenticated, SeeOwnMeans { account: who.account }, &Facts::default(), now)?;
        let mut connection = parts.store.read().await?;
        let rows = own_sessions(&mut connection, (who.account, parts.settings.door), now).await?;
        let left = sql::codes_left(&mut connection, who.account).await?;
        let establishment = who.authenticated.establishment().ok_or(OwnError::Denied)?;
        let whole = sql::one(&mut connection, establishment, who.account).await?.ok_or(OwnError::Denied)?;
        drop(connection);
        let secrets = whole.account.secrets(&parts.keys)?;
        let own = |link: LinkSeen| {
            let opens = link.opens.filter(|opens| now < *opens);
            OwnLink { id: link.id, drawn: link.drawn, opens }
        };
        let link = standing_link(&parts.keys, &whole, &secrets, now)?.map(own);
        let recent = whole.account.recent(&parts.keys);
        let mut sessions = Vec::new();
        for (id, stored, sealed) in rows {
            let Some(times) = stored.times(&parts.door_key, who.account) else { continue };
            if now >= times.idle_until || parts.journal.is_revoked(id) {
                continue;
            }
            let place: [&[u8]; 2] = [id.as_bytes(), who.account.as_bytes()];
            let kept = SessionSecrets::open(&parts.keys, session_place(&place), &sealed).ok();
            let address = kept.as_ref().and_then(SessionSecrets::own).map(|own| own.address);
            let device = kept.map(|kept| kept.device).unwrap_or_default();
            let (opened, idle_until) = (times.opened, times.idle_until);
            sessions.push(OwnSession { id, is_this: id == who.session, opened, address, device, idle_until });
        }
        sessions.sort_by_key(|one| std::cmp::Reverse(one.opened));
        let (spare_codes, sheet) = (usize::try_from(left).unwrap_or(0), self.own_sheet(who).await?);
        Ok(OwnAccount { sessions, recent, spare_codes, sheet, link })
    }

    /// Changes one's password. One's other sessions end, and one's tokens; passkeys wait until they are allowed again.
    pub async fn change_password(
        &self,
        who: &SignedIn,
        current: Secret<String>,
        new: Secret<String>,
    ) -> Result<(), OwnError> {
        let address = self.own_step(who)?;
        let is_same = new.expose() == current.expose();
        let personal = vec![who.login.clone(), who.display_name.clone()];
        let hash = self.new_password(&self.parts().home_hasher, new, who.role, personal).await??;
        let action = ChangePassword { account: who.account };
        self.change(who, (action, address), current, Change::Password(hash.phc().to_owned(), is_same)).await
    }

    /// A second factor for one's account, which nobody keeps before a code of it is shown.
    pub fn draw_second_factor(&self) -> Result<TotpSecret, OwnError> {
        Ok(TotpSecret::from_bytes(random()?))
    }

    /// Puts another second factor in the place of one's own. One's other sessions end, and one's tokens.
    pub async fn change_second_factor(
        &self,
        who: &SignedIn,
        current: Secret<String>,
        (totp, code): (TotpSecret, &str),
    ) -> Result<(), OwnError> {
        let address = self.own_step(who)?;
        let code: String = code.chars().filter(|c| !c.is_whitespace()).take(16).collect();
        let step = new_code_step(&totp, &code, self.parts().journal.now()).ok_or(OwnError::Code)?;
        let action = ChangeSecondFactor { account: who.account };
        self.change(who, (action, address), current, Change::SecondFactor(*totp.bytes(), step)).await
    }

    /// Draws spare codes, in the place of those before. They are given once.
    pub async fn draw_spare_codes(&self, who: &SignedIn, current: Secret<String>) -> Result<Vec<String>, OwnError> {
        // Beside a sheet they would outlive it.
        if self.own_sheet(who).await?.is_some() {
            return Err(OwnError::Denied);
        }
        let address = self.own_step(who)?;
        let keys = &self.parts().keys;
        let codes = (0..SPARE_CODES).map(|_| draw_code()).collect::<Result<Vec<_>, _>>()?;
        let digests = codes.iter().map(|code| spare_digest(keys, who.account, code)).collect::<Result<_, _>>()?;
        let action = DrawSpareCodes { account: who.account };
        self.change(who, (action, address), current, Change::SpareCodes(digests)).await?;
        Ok(codes.into_iter().map(in_halves).collect())
    }

    /// Ends another session of one's own; the one that asks is ended by signing out.
    pub async fn end_other(&self, who: &SignedIn, session: SessionId) -> Result<(), OwnError> {
        let own = self.own_account(who).await?;
        if own.sessions.iter().any(|one| one.id == session && !one.is_this) {
            self.end_session(who, session, EndedBecause::Elsewhere).await;
        }
        Ok(())
    }

    /// Ends all one's other sessions.
    pub async fn end_others(&self, who: &SignedIn) -> Result<(), OwnError> {
        for one in self.own_account(who).await?.sessions.iter().filter(|one| !one.is_this) {
            self.end_session(who, one.id, EndedBecause::Elsewhere).await;
        }
        Ok(())
    }

    /// A step of somebody's that costs a password hashing.
    fn own_step(&self, who: &SignedIn) -> Result<ClientAddress, OwnError> {
        let address = who.authenticated.address().ok_or(OwnError::Denied)?;
        self.pace(address, self.parts().journal.now()).map_err(OwnError::TooMany)?;
        Ok(address)
    }

    /// Checks the password given again, then changes what is asked in one commit with the count of failures.
    async fn change<A>(
        &self,
        who: &SignedIn,
        (action, address): (A, ClientAddress),
        current: Secret<String>,
        change: Change,
    ) -> Result<(), OwnError>
    where
        A: DatabaseAction,
        Own: Effect<A, Output = Ending<Outcome>>,
    {
        let parts = self.parts();
        let now = parts.journal.now();
        let authorized = parts.policies.decide(&who.authenticated, action, &Facts::default(), now)?;
        let tokens = LoginTokens::new(&parts.keys, address, &who.login)?;
        let counters = Counters::of_session(&parts.keys, &parts.settings.defences, address, (tokens, who.session))?;
        let mut connection = parts.store.read().await?;
        if let Some(wait) = counters.remaining(&mut connection, now).await? {
            return Err(OwnError::TooMany(wait));
        }
        let row = account_by_id(&mut connection, who.account).await?.ok_or(OwnError::Denied)?;
        drop(connection);
        let mut secrets = row.secrets(&parts.keys)?;
        if secrets.directory.is_some() && matches!(change, Change::Password(..)) {
            return Err(OwnError::Directory);
        }
        let (right, about) = (self.is_own(&row, current).await?, change.about());
        let (step, codes) = match change {
            // Told only to whoever knows the former one.
            Change::Password(_, true) if right => return Err(OwnError::Same),
            Change::Password(phc, _) => {
                secrets.renewed_by_holder();
                secrets.password_phc = phc;
                secrets.password_since = Some(now.micros());
                (None, None)
            }
            Change::SecondFactor(totp, step) => {
                secrets.renewed_by_holder();
                secrets.totp = totp;
                // An application in hand takes a sheet's place: nobody has both.
                secrets.sheets = None;
                (Some(step), None)
            }
            Change::SpareCodes(codes) => (None, Some(codes)),
        };
        let sealed = row.bond().seal(&parts.keys, &secrets)?;
        let news = News { session: Some(who.session), ..News::default() };
        let whose = Whose { row: &row, secrets: &secrets };
        let letter = parts.writes.letter((&parts.store, &parts.keys), whose, (about, news), now).await?;
        let own = Own { row, sealed: right.then_some(sealed), step, codes, counters, session: who.session, letter };
        match perform_ending(&parts.journal, authorized, own, Reserve::Taken).await? {
            Outcome::Done => Ok(()),
            Outcome::Wrong => Err(OwnError::Wrong),
            Outcome::Wait(wait) => Err(OwnError::TooMany(wait)),
            Outcome::Meanwhile => Err(OwnError::Meanwhile),
        }
    }
}

/// What is put in the place of an account's means.
pub(crate) struct Own {
    row: AccountRow,
    /// Nothing if the password given again was wrong.
    sealed: Option<Vec<u8>>,
    step: Option<u64>,
    codes: Option<Vec<[u8; 32]>>,
    counters: Counters,
    /// The one that asks.
    session: SessionId,
    letter: Option<LetterRow>,
}

impl Own {
    async fn put(&self, connection: &mut AnyConnection, now: Time) -> Result<Applied<Ending<Outcome>>, StoreError> {
        // Again inside the transaction: of many attempts at once, the first failure makes the others wait.
        if let Some(wait) = self.counters.remaining(&mut *connection, now).await? {
            return Ok(Applied::refused(Ending::nothing(Outcome::Wait(wait))));
        }
        let Some(sealed) = &self.sealed else {
            self.counters.failed(connection, now).await?;
            return Ok(Applied::refused(Ending::nothing(Outcome::Wrong)));
        };
        let (read, state) = ((self.row.id, self.row.version), state_column(AccountState::Active));
        if !self.row.active || !reseal_account(&mut *connection, read, sealed.clone(), state).await? {
            return Ok(Applied::refused(Ending::nothing(Outcome::Meanwhile)));
        }
        if let Some(step) = self.step {
            use_step(&mut *connection, self.row.id, step).await?;
            keep_only(&mut *connection, self.row.id, &[]).await?;
        }
        let mut ended = Vec::new();
        match &self.codes {
            Some(codes) => sql::set_codes(&mut *connection, self.row.id, codes).await?,
            // What was opened with the former means ends with them, and what somebody may have left behind who had them.
            None => {
                ended = sql::end_sessions(&mut *connection, self.row.id, Some(self.session)).await?;
                ended.extend(sql::end_tokens(&mut *connection, self.row.id).await?);
            }
        }
        put(&mut *connection, &self.letter).await?;
        self.counters.succeeded(connection).await?;
        Ok(Applied::done(Ending { outcome: Outcome::Done, ended }))
    }
}

macro_rules! puts {
    ($($action:ident),*) => {$(
        impl Effect<$action> for Own {
            type Output = Ending<Outcome>;
            async fn apply(&self, tx: &mut WriteTx<'_, $action>) -> Result<Applied<Ending<Outcome>>, StoreError> {
                let now = tx.now();
                self.put(tx.connection(), now).await
            }
        }
    )*};
}

puts!(ChangePassword, ChangeSecondFactor, DrawSpareCodes);

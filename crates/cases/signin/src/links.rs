//! A link's own page: its holder chooses his password and his second factor (acces-web AA6). The link serves once, for one
//! account, until its end, and only once a second person has confirmed it where that is asked.

use crate::{
    SignInService,
    accounts::{
        link_digest,
        model::{LinkRow, LinkSecrets},
        sheets::sql::keep_only,
        signed::given,
        sql,
    },
    attempts::{Counters, LoginTokens},
    codes::{second_digest, typed_code},
    ending::{Ending, Reserve, perform_ending},
    hasher::NotHashed,
    model::{AccountRow, AccountSecrets, Life, state_column},
    outbox::{
        News,
        model::{About, LetterRow, Whose},
        put,
    },
    sheets::SheetUsed,
    sql::{reseal_account, use_step},
};
use data_encoding::BASE64URL_NOPAD;
use identity::{
    Authenticated, SheetCode, TotpSecret, WeakPassword, asks_two_people, door_actor, new_code_step, takes_a_link_again,
};
use journal::{Applied, Effect, JournalError, WriteTx};
use policy::{Facts, TakeLink};
use std::time::Duration;
use store::StoreError;
use types::{AccountId, AccountState, ClientAddress, EstablishmentId, Lang, Role, Secret, Time};
use vault::{VaultError, random};

/// A link's secret, in base64url.
const SECRET_CHARS: usize = 43;

/// Why a link does not serve, or what was chosen is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// No link is like that, or it has served, was replaced, is over, or is another door's.
    #[error("no link is like that")]
    Absent,
    /// A second person has not confirmed it yet.
    #[error("a second person has not confirmed this link yet")]
    Waits,
    /// It gives other means to an account that is in use: its holder has until then to stop it.
    #[error("this link does not serve yet")]
    Early(Time),
    /// The password is not taken.
    #[error(transparent)]
    Password(#[from] WeakPassword),
    /// The code is not the second factor's.
    #[error("the code is not the second factor's")]
    Code,
    /// It is not what the person who confirmed the link tells its holder.
    #[error("this is not the code of the person who confirmed this link")]
    Second,
    /// Too many steps from this address.
    #[error("too many attempts; wait {} s", .0.as_secs())]
    TooMany(Duration),
    /// A store, a key or the journal does not answer.
    #[error("this is not possible at present")]
    Unavailable,
}

impl From<StoreError> for LinkError {
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, "links cannot be read");
        LinkError::Unavailable
    }
}

impl From<VaultError> for LinkError {
    fn from(error: VaultError) -> Self {
        tracing::warn!(%error, "links cannot be sealed or opened");
        LinkError::Unavailable
    }
}

impl From<JournalError> for LinkError {
    fn from(error: JournalError) -> Self {
        tracing::warn!(%error, "what was chosen by a link could not be traced or stored");
        LinkError::Unavailable
    }
}

impl From<NotHashed> for LinkError {
    fn from(error: NotHashed) -> Self {
        tracing::warn!(%error, "a password could not be hashed");
        LinkError::Unavailable
    }
}

/// What a link's page shows to whoever holds it.
pub struct LinkWelcome {
    /// For whom.
    pub display_name: String,
    /// What he will type.
    pub login: String,
    /// In what role.
    pub role: Role,
    /// Where.
    pub establishment: EstablishmentId,
    /// Until when.
    pub expires: Time,
    /// Whether the account was in use before: what it had is replaced.
    pub anew: bool,
    /// Whether he is asked for what the person who confirmed the link tells him.
    pub asks_second: bool,
    /// Whether he chooses a password: not where the hospital's directory keeps it.
    pub with_password: bool,
    /// A second factor drawn for him, which nobody keeps before he has shown a code of it; nothing where he was handed a
    /// printed sheet, whose code he is asked for.
    pub totp: Option<TotpSecret>,
}

/// What somebody chooses.
pub struct Chosen {
    /// His password, where he chooses one.
    pub password: Secret<String>,
    /// The second factor that the page drew, if it drew one.
    pub totp: Option<TotpSecret>,
    /// A code of it, or of the printed sheet: it is in his hands.
    pub code: String,
    /// What the person who confirmed the link told him; empty if nobody had to.
    pub second: String,
    /// The language of the page that he chose it on: his mail is written in it.
    pub lang: Lang,
    /// What his device calls itself.
    pub device: String,
}

struct Found {
    account: AccountRow,
    secrets: AccountSecrets,
    link: LinkRow,
    kept: LinkSecrets,
}

impl SignInService {
    /// What to show whoever opens a link. Nothing is spent by looking: programs that read mail look at addresses too.
    pub async fn link(&self, secret: &str, address: ClientAddress) -> Result<LinkWelcome, LinkError> {
        let parts = self.parts();
        self.pace(address, parts.journal.now()).map_err(LinkError::TooMany)?;
        let Found { account, secrets, kept, .. } = self.find_link(secret, address).await?;
        let sheet = self.sheet_for_link(&account, &secrets, parts.journal.now()).await?;
        Ok(LinkWelcome {
            display_name: secrets.display_name.clone(),
            login: secrets.login.clone(),
            role: account.role,
            establishment: account.establishment,
            expires: Time::from_micros(kept.expires),
            anew: secrets.state()? != AccountState::Invited,
            asks_second: kept.second.is_some(),
            with_password: secrets.directory.is_none(),
            totp: if sheet.is_none() { Some(TotpSecret::from_bytes(random()?)) } else { None },
        })
    }

    /// Takes what the link's holder chose: the account is in use from then on. What it had open before is ended, with its
    /// tokens and spare codes. He is not signed in by it: he shows at once that he can.
    pub async fn take_link(&self, secret: &str, chosen: Chosen, address: ClientAddress) -> Result<(), LinkError> {
        let parts = self.parts();
        let now = parts.journal.now();
        self.pace(address, now).map_err(LinkError::TooMany)?;
        let Found { account, mut secrets, link, kept } = self.find_link(secret, address).await?;
        if let Some(second) = &kept.second {
            let told =
                typed_code(&chosen.second).map(|code| second_digest(&parts.keys, kept.id(), &code)).transpose()?;
            // Digests under a key: how they are compared tells nothing.
            if told.is_none_or(|told| told.as_slice() != second.as_slice()) {
                self.refused(address, "not the code of the person who confirmed the link").await;
                return Err(LinkError::Second);
            }
        }
        let who = door_actor(parts.settings.door, address, Some(account.establishment), now);
        let action = || TakeLink { establishment: account.establishment, account: account.id, link: kept.id() };
        let shown = self.shown((&account, &secrets), (&chosen, address), (&who, action())).await?;
        let personal = vec![secrets.login.clone(), secrets.display_name.clone()];
        let hash = match secrets.directory {
            // Whoever has the link's secret does not stand in the strangers' line.
            None => Some(self.new_password(&parts.home_hasher, chosen.password, account.role, personal).await??),
            Some(_) => None,
        };
        let authorized =
            parts.policies.decide(&who, action(), &Facts::default(), now).map_err(|_| LinkError::Unavailable)?;
        if let Some(hash) = hash {
            secrets.password_phc = hash.phc().to_owned();
            secrets.password_since = Some(now.micros());
        }
        match &shown {
            Shown::Totp(totp, _) => (secrets.totp, secrets.sheets) = (*totp, None),
            // No application opens it.
            Shown::Sheet(used, _) => {
                secrets.totp = random()?;
                secrets.sheets = secrets.sheets.as_ref().map(|kept| kept.taken(used.sheet));
            }
        }
        // The signatures stay with what they gave: of the account as it was when they were made.
        secrets.given = given(&account, &secrets, &kept);
        secrets.link = None;
        if secrets.state()? != AccountState::Active {
            secrets.life = Some(Life::new(AccountState::Active, now, None));
        }
        secrets.renewals = Some(kept.renewals.saturating_add(1));
        secrets.ended = Some(now.micros());
        secrets.lang = Some(chosen.lang.as_str().to_owned());
        let letters = self.renewed(&account, &secrets, (kept.mail.as_deref(), &chosen.device), now).await?;
        // Two people saw it: who drew the link, and who confirmed it.
        if kept.mail.is_some() {
            secrets.mail = kept.mail.clone();
        }
        let sealed = account.bond().seal(&parts.keys, &secrets)?;
        let take = Take { account, link, sealed, shown, letters };
        match perform_ending(&parts.journal, authorized, take, Reserve::Taken).await? {
            Took::Done => Ok(()),
            Took::Gone => Err(LinkError::Absent),
            Took::Missed => Err(LinkError::Code),
            Took::Wait(wait) => Err(LinkError::TooMany(wait)),
        }
    }

    /// The second factor that the link's holder shows a code of: the application that the page drew, or the printed sheet that
    /// he was handed. A sheet's codes could be guessed by whoever found the link: they are counted as at the door.
    async fn shown(
        &self,
        (account, secrets): (&AccountRow, &AccountSecrets),
        (chosen, address): (&Chosen, ClientAddress),
        (who, action): (&Authenticated, TakeLink),
    ) -> Result<Shown, LinkError> {
        let parts = self.parts();
        let now = parts.journal.now();
        let code: String = chosen.code.chars().filter(|c| !c.is_whitespace()).take(16).collect();
        let Some(sheet) = self.sheet_for_link(account, secrets, now).await? else {
            let totp = chosen.totp.as_ref().ok_or(LinkError::Code)?;
            let step = new_code_step(totp, &code, now).ok_or(LinkError::Code)?;
            return Ok(Shown::Totp(*totp.bytes(), step));
        };
        let tokens = LoginTokens::new(&parts.keys, address, &secrets.login)?;
        let counters = Counters::new(&parts.keys, &parts.settings.defences, address, (tokens, false))?;
        let mut connection = parts.store.read().await?;
        if let Some(wait) = counters.remaining(&mut connection, now).await? {
            return Err(LinkError::TooMany(wait));
        }
        drop(connection);
        // What is no code of a sheet at all is a slip, not a guess.
        let code = SheetCode::typed(&code).ok_or(LinkError::Code)?;
        if let Some(used) = self.code_of_sheet(account.id, (Some(sheet), &code)).await? {
            return Ok(Shown::Sheet(used, counters));
        }
        let watched = (counters.from(), counters.login(), Some(account.id));
        let authorized =
            parts.policies.decide(who, action, &Facts::default(), now).map_err(|_| LinkError::Unavailable)?;
        match parts.journal.perform(authorized, Missed(counters)).await? {
            Some(wait) => Err(LinkError::TooMany(wait)),
            None => {
                parts.settings.defences.watch(&parts.journal, who, watched).await;
                Err(LinkError::Code)
            }
        }
    }

    /// What whoever held the account is told, at the address of before: whoever took its link may not be he.
    async fn renewed(
        &self,
        account: &AccountRow,
        secrets: &AccountSecrets,
        (mail, device): (Option<&str>, &str),
        now: Time,
    ) -> Result<Vec<LetterRow>, StoreError> {
        let parts = self.parts();
        let former = secrets.mail.as_deref();
        let readdressed = mail.is_some() && former.is_some() && mail != former;
        let mut letters = Vec::new();
        for (about, to) in [(About::MeansRenewed, former.or(mail)), (About::AddressChanged, former)] {
            if about == About::AddressChanged && !readdressed {
                continue;
            }
            let news = News { to, device, ..News::default() };
            let whose = Whose { row: account, secrets };
            letters.extend(parts.writes.letter((&parts.store, &parts.keys), whose, (about, news), now).await?);
        }
        Ok(letters)
    }

    /// Whether whoever drew a link still might: what somebody who is suspended or gone left behind opens nothing.
    async fn may_still_draw(&self, by: Option<AccountId>, of: &AccountRow) -> Result<bool, LinkError> {
        match by {
            // The operator's commands.
            None => Ok(true),
            Some(by) => Ok(self.is_in_charge(by, of).await?),
        }
    }

    async fn find_link(&self, secret: &str, address: ClientAddress) -> Result<Found, LinkError> {
        match self.look_for_link(secret, address).await {
            Err(LinkError::Absent) => {
                self.refused(address, "no such link").await;
                Err(LinkError::Absent)
            }
            found => found,
        }
    }

    async fn look_for_link(&self, secret: &str, address: ClientAddress) -> Result<Found, LinkError> {
        let parts = self.parts();
        let now = parts.journal.now();
        let bytes = BASE64URL_NOPAD.decode(secret.as_bytes()).ok().filter(|_| secret.len() == SECRET_CHARS);
        let digest = link_digest(&parts.keys, &bytes.ok_or(LinkError::Absent)?)?;
        let mut connection = parts.store.read().await?;
        let row = sql::by_link(&mut connection, &digest).await?.ok_or(LinkError::Absent)?;
        drop(connection);
        let (account, link) = (row.account, row.link.ok_or(LinkError::Absent)?);
        let kept = LinkSecrets::open(&parts.keys, &link)?;
        let secrets = account.secrets(&parts.keys)?;
        let state = secrets.state()?;
        let serves = (matches!(state, AccountState::Invited | AccountState::Active)
            || takes_a_link_again(account.role, state))
            && secrets.link.as_deref() == Some(&kept.id[..])
            && parts.settings.roles.contains(&account.role)
            && secrets.renewals.unwrap_or(0) == kept.renewals
            && now < Time::from_micros(kept.expires);
        if !serves || !self.may_still_draw(kept.by(), &account).await? {
            return Err(LinkError::Absent);
        }
        // One that was confirmed before a code was asked for waits too.
        let unsealed = asks_two_people(account.role) && kept.by.is_some() && kept.second.is_none();
        if kept.waits || unsealed {
            return Err(LinkError::Waits);
        }
        self.bears_signatures((&account, &secrets), &kept, address).await?;
        if let Some(opens) = kept.opens().filter(|opens| now < *opens) {
            return Err(LinkError::Early(opens));
        }
        Ok(Found { account, secrets, link, kept })
    }
}

/// What the link's holder showed a code of.
enum Shown {
    /// The application that the page drew, in this step.
    Totp([u8; 20], u64),
    /// The sheet that he was handed.
    Sheet(SheetUsed, Counters),
}

/// A code that was none of the sheet's: counted, like one at the door.
struct Missed(Counters);

impl Effect<TakeLink> for Missed {
    type Output = Option<Duration>;

    async fn apply(&self, tx: &mut WriteTx<'_, TakeLink>) -> Result<Applied<Option<Duration>>, StoreError> {
        let now = tx.now();
        // Again inside the transaction: of many attempts at once, the first failure makes the others wait.
        let wait = self.0.remaining(tx.connection(), now).await?;
        if wait.is_none() {
            self.0.failed(tx.connection(), now).await?;
        }
        Ok(Applied::refused(wait))
    }
}

/// What became of it.
enum Took {
    Done,
    /// The link has served, or the account is another than it was.
    Gone,
    /// The sheet's code had served.
    Missed,
    Wait(Duration),
}

struct Take {
    account: AccountRow,
    link: LinkRow,
    sealed: Vec<u8>,
    shown: Shown,
    letters: Vec<LetterRow>,
}

impl Effect<TakeLink> for Take {
    type Output = Ending<Took>;

    async fn apply(&self, tx: &mut WriteTx<'_, TakeLink>) -> Result<Applied<Ending<Took>>, StoreError> {
        let (account, now) = (tx.action().account, tx.now());
        if let Shown::Sheet(used, counters) = &self.shown {
            if let Some(wait) = counters.remaining(tx.connection(), now).await? {
                return Ok(Applied::refused(Ending::nothing(Took::Wait(wait))));
            }
            // One that somebody signed in with meanwhile is worth nothing here either.
            if !used.spend(tx.connection(), account).await? {
                counters.failed(tx.connection(), now).await?;
                return Ok(Applied::refused(Ending::nothing(Took::Missed)));
            }
        }
        // Of two at once, one finds it gone; of a withdrawal and a use, the later one.
        if !sql::spend_link(tx.connection(), &self.link).await? {
            return Ok(Applied::refused(Ending::nothing(Took::Gone)));
        }
        let (read, state) = ((account, self.account.version), state_column(AccountState::Active));
        if !reseal_account(tx.connection(), read, self.sealed.clone(), state).await? {
            // Somebody changed the account after it was read: the link goes, and another is drawn if it should be.
            return Ok(Applied::refused(Ending::nothing(Took::Gone)));
        }
        self.show(tx, account).await?;
        let mut ended = sql::end_sessions(tx.connection(), account, None).await?;
        ended.extend(sql::end_tokens(tx.connection(), account).await?);
        sql::set_codes(tx.connection(), account, &[]).await?;
        put(tx.connection(), &self.letters).await?;
        Ok(Applied::done(Ending { outcome: Took::Done, ended }))
    }
}

impl Take {
    /// The application's code serves no more, nor do the sheets that the account had besides.
    async fn show(&self, tx: &mut WriteTx<'_, TakeLink>, account: AccountId) -> Result<(), StoreError> {
        match &self.shown {
            Shown::Totp(_, step) => {
                keep_only(tx.connection(), account, &[]).await?;
                use_step(tx.connection(), account, *step).await
            }
            Shown::Sheet(used, counters) => {
                keep_only(tx.connection(), account, &[used.sheet]).await?;
                counters.succeeded(tx.connection()).await
            }
        }
    }
}

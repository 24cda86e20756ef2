//! The life of accounts, for those who manage them: created for somebody who chooses his means by a link, suspended,
//! blocked, reopened, closed, looked at again (acces-web GA4, AA6; segur IE.58, IAM.91).

pub(crate) mod break_glass;
mod correcting;
pub(crate) mod effects;
mod inviting;
pub(crate) mod model;
pub(crate) mod numbers;
pub(crate) mod reminders;
pub(crate) mod renewal;
pub(crate) mod sheets;
pub(crate) mod signed;
pub(crate) mod sql;

use crate::{
    codes::{draw_code, in_halves, second_digest},
    ending::{Instead, NotRecorded, Reserve, perform_ending, perform_or_act, unlock},
    enrol::lent::RESERVED_ADMINISTRATOR,
    hasher::Hasher,
    model::{AccountSecrets, LastSignIn, Life, last_sign_in_place},
    outbox::{
        NewLink, News, Writes,
        model::{About, LetterRow, Post, Whose},
    },
};
use break_glass::model::Envelopes;
use data_encoding::BASE64URL_NOPAD;
use effects::{Changed, DropLink, PutAddress, PutLink, PutState, Resealed, Reviewed, SecondConfirms};
use identity::{
    Authenticated, asks_two_people, is_reason_for, may_become, passkey::Assertion, review_days, takes_a_link_again,
    vouching::Pins,
};
use journal::Journal;
use model::{
    ACCOUNTS_READ_MAX, ACCOUNTS_SHOWN_MAX, AccountError, AccountPage, AccountQuery, AccountSeen, AccountSheet,
    DrawnLink, LinkRow, LinkSecrets, LinkSeen, Profile, SecondCode, address,
};
use policy::{
    ChangeAccountState, ChangeAddress, ConfirmLink, DrawLink, Facts, Policies, ReviewAccount, SeeAccounts, WithdrawLink,
};
use signed::{Signing, is_lent};
use sql::Whole;
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};
use store::{Store, StoreError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use types::{
    AccountId, AccountState, EstablishmentId, IdentityProof, LifeReason, LinkId, Role, Secret, SupplierId, Time,
};
use vault::{Keys, Purpose, VaultError, random};

/// How long the link of a new account serves.
pub const FIRST_LINK_LIFE: Duration = Duration::from_secs(7 * 86_400);
/// How long a link serves that gives somebody his means anew.
pub const RENEWAL_LINK_LIFE: Duration = Duration::from_secs(86_400);

struct Parts {
    store: Store,
    journal: Journal,
    policies: Arc<Policies>,
    keys: Keys,
    hasher: Hasher,
    writes: Writes,
    renewal_delay: OnceLock<Duration>,
    /// Explaining takes the processor for a while.
    explaining: Arc<Semaphore>,
    /// What signatures are verified by.
    pins: OnceLock<Pins>,
}

/// What the policies know an account by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Which.
    pub account: AccountId,
    /// Of which hospital.
    pub establishment: EstablishmentId,
    /// For what.
    pub role: Role,
    /// Whose person, if a supplier's.
    pub supplier: Option<SupplierId>,
    /// Where it is in its life.
    pub state: AccountState,
}

/// The accounts of an establishment, for those who manage them. Clones are handles.
#[derive(Clone)]
pub struct Accounts(Arc<Parts>);

/// The keyed token that a link is found by.
pub(crate) fn link_digest(keys: &Keys, secret: &[u8]) -> Result<[u8; 32], VaultError> {
    keys.token(Purpose::LinksAndCodes, &[b"link", secret])
}

impl Accounts {
    /// With the keys of whoever manages them.
    pub fn new(store: Store, journal: Journal, policies: Arc<Policies>, keys: Keys) -> Self {
        let explaining = Arc::new(Semaphore::new(1));
        let (hasher, writes, renewal_delay, pins) =
            (Hasher::default(), Writes::default(), OnceLock::new(), OnceLock::new());
        Self(Arc::new(Parts { store, journal, policies, keys, hasher, writes, renewal_delay, explaining, pins }))
    }

    /// Tells people by mail of what happens to their accounts, and sends them their links. Told once.
    pub fn write_mail(&self, post: Post) {
        self.0.writes.begin(post);
    }

    /// Whether it does: an address is of use.
    pub fn writes_mail(&self) -> bool {
        self.0.writes.is_on()
    }

    /// A page of the establishment's accounts, by name.
    pub async fn list(&self, who: &Authenticated, query: &AccountQuery) -> Result<AccountPage, AccountError> {
        let parts = &self.0;
        let (establishment, now) = (self.seeing(who)?, parts.journal.now());
        let words: Vec<String> = query.words.to_lowercase().split_whitespace().take(8).map(str::to_owned).collect();
        let mut connection = parts.store.read().await?;
        let place = (establishment, query.role, query.linked);
        let rows = sql::accounts(&mut connection, place, query.after, ACCOUNTS_READ_MAX).await?;
        drop(connection);
        let whole_page = i64::try_from(rows.len()).is_ok_and(|read| read == ACCOUNTS_READ_MAX);
        let mut page =
            AccountPage { more: rows.last().filter(|_| whole_page).map(|row| row.account.id), ..Default::default() };
        for (place, row) in rows.iter().enumerate() {
            let seen = self.seen(row, now)?;
            let named = format!("{} {}", seen.display_name, seen.login).to_lowercase();
            let due = seen.review_due.is_some_and(|due| due <= now);
            let fits = query.state.is_none_or(|state| state == seen.state)
                && (!query.due || due)
                && words.iter().all(|word| named.contains(word));
            if !fits {
                continue;
            }
            page.accounts.push(seen);
            if page.accounts.len() == ACCOUNTS_SHOWN_MAX {
                page.more = rows.get(place + 1).map(|_| row.account.id).or(page.more);
                break;
            }
        }
        page.accounts.sort_by(|a, b| a.display_name.cmp(&b.display_name));
        Ok(page)
    }

    /// One account, whole.
    pub async fn one(&self, who: &Authenticated, account: AccountId) -> Result<AccountSheet, AccountError> {
        let parts = &self.0;
        let now = parts.journal.now();
        let row = self.row(who, account).await?;
        let mut connection = parts.store.read().await?;
        let sessions = sql::sessions_of(&mut connection, account, now).await?.len();
        drop(connection);
        let profile = self.profile(&row)?;
        let secrets = row.account.secrets(&parts.keys)?;
        let seen = self.seen(&row, now)?;
        let kept = profile.is_some();
        let profile = profile.unwrap_or_default();
        let at = |micros: i64| kept.then(|| Time::from_micros(micros));
        let place: [&[u8]; 1] = [account.as_bytes()];
        let last = row.account.last_sign_in.as_deref();
        let last = last.and_then(|sealed| LastSignIn::open(&parts.keys, last_sign_in_place(&place), sealed).ok());
        let oneself = who.account() == Some(account);
        let by_link = seen.is_break_glass || takes_a_link_again(row.account.role, seen.state);
        let to = AccountState::ALL.iter().copied().filter(|to| !oneself && may_become(seen.state, *to));
        let to = to.filter(|to| !by_link || *to != AccountState::Active);
        let life = secrets.life.as_ref();
        Ok(AccountSheet {
            may_become: to.collect(),
            attributes: profile.attributes(),
            proof: profile.proof.parse().ok(),
            since: life.map(|life| Time::from_micros(life.since)),
            reason: life.and_then(|life| life.reason.as_deref()).and_then(|reason| reason.parse().ok()),
            created: at(profile.created),
            reviewed: at(profile.reviewed),
            last_sign_in: last.map(|last| last.at),
            sessions: u32::try_from(sessions).unwrap_or(u32::MAX),
            mail: secrets.mail.clone(),
            sheets: self.sheets_seen(&row, now).await?,
            right: self.right_given(&row.account, &secrets).await?,
            seen,
        })
    }

    /// Draws a link by which an account's holder chooses his means, for the first time or anew; the one before serves no
    /// more. For a role that decides over others it serves once a second person has confirmed it.
    pub async fn draw_link(
        &self,
        who: &Authenticated,
        account: AccountId,
        proof: IdentityProof,
    ) -> Result<DrawnLink, AccountError> {
        self.draw_link_to(who, account, (proof, None)).await
    }

    /// The same, with another address for the mail of an account that decides over others: it holds once the link served,
    /// which a second person confirmed seeing it.
    pub async fn draw_link_to(
        &self,
        who: &Authenticated,
        account: AccountId,
        what: (IdentityProof, Option<&str>),
    ) -> Result<DrawnLink, AccountError> {
        self.draw_link_as(who, account, what, None).await
    }

    async fn draw_link_as(
        &self,
        who: &Authenticated,
        account: AccountId,
        (proof, mail): (IdentityProof, Option<&str>),
        signing: Option<Signing>,
    ) -> Result<DrawnLink, AccountError> {
        let parts = &self.0;
        let now = parts.journal.now();
        let row = self.row_for(who, account).await?.account;
        let mail = mail.map(address).transpose()?.flatten();
        if mail.is_some() && !asks_two_people(row.role) {
            return Err(AccountError::Field("mail"));
        }
        if who.account() == Some(account) {
            return Err(AccountError::Oneself);
        }
        let mut secrets = row.secrets(&parts.keys)?;
        Self::by_envelopes(&secrets)?;
        let state = secrets.state()?;
        let span = self.span(row.role, state, is_lent(who, &secrets))?;
        if span.delay.is_some() && !proof.is_substantial() {
            return Err(AccountError::Proof);
        }
        let named = self.named((who, &row, &secrets), signing.as_ref())?;
        let (id, secret) = (named.id, random::<32>()?);
        let digest = link_digest(&parts.keys, &secret)?;
        let (opens, expires) = (span.delay.map(|delay| now + delay), named.drawn + span.whole());
        // The operator's command confirms by itself what it alone holds; what is in a mailbox too, it does not.
        let leaves = parts.writes.is_on() && (mail.is_some() || secrets.mail.is_some());
        let waits = asks_two_people(row.role) && (who.account().is_some() || leaves);
        let mut kept = LinkSecrets {
            id: *id.as_bytes(),
            drawn: now.micros(),
            by: who.account().map(|by| by.as_bytes().to_vec()),
            expires: expires.micros(),
            waits,
            renewals: secrets.renewals.unwrap_or(0),
            second: None,
            mail: mail.filter(|mail| secrets.mail.as_ref() != Some(mail)),
            opens: opens.map(Time::micros),
            signed: None,
        };
        let by_passkey = self.first_signs(who, (&row, &secrets), &mut kept, (proof, signing)).await?;
        let sealed = kept.seal(&parts.keys, (account, &digest))?;
        secrets.link = Some(kept.id.to_vec());
        let resealed = row.bond().seal(&parts.keys, &secrets)?;
        let second = if waits { ", a second person must confirm" } else { "" };
        let action = DrawLink { account, terms: format!("link {id}, identity {proof}{second}{by_passkey}") };
        let authorized = parts.policies.decide(who, action, &Facts::default(), now)?;
        let secret = Secret::new(BASE64URL_NOPAD.encode(&secret));
        let anew = state != AccountState::Invited;
        let link = NewLink { secret: secret.expose().as_str(), expires, waits, anew, opens };
        let letters = self.drawn(Whose { row: &row, secrets: &secrets }, (kept.mail.as_deref(), link), now).await?;
        let mailed = letters.iter().any(|letter| letter.holds_link);
        let put = PutLink {
            account: Resealed { row, state, sealed: resealed },
            link: LinkRow { account, digest, sealed },
            expires,
            letters,
            spends: named.spends(&parts.keys)?,
        };
        done(parts.journal.perform(authorized, put).await?)?;
        Ok(DrawnLink { id, secret, expires, waits, mailed, opens })
    }

    /// What the holder is told of a link: the link itself where his mail goes or is to go; and, where it does not go there or the
    /// door's address is not known, that it was drawn, at the address of before.
    async fn drawn(
        &self,
        whose: Whose<'_>,
        (mail, link): (Option<&str>, NewLink<'_>),
        now: Time,
    ) -> Result<Vec<LetterRow>, StoreError> {
        let parts = &self.0;
        let leads = parts.writes.leads_to(whose.row.role);
        let held = News { to: mail, link: Some(link), ..News::default() };
        let elsewhere = mail.is_some() && whose.secrets.mail.is_some();
        let mut letters = Vec::new();
        for (about, news, is_due) in
            [(About::Link, held, leads), (About::LinkDrawn, News::default(), elsewhere || !leads)]
        {
            if is_due {
                letters.extend(parts.writes.letter((&parts.store, &parts.keys), whose, (about, news), now).await?);
            }
        }
        Ok(letters)
    }

    /// Changes where an account's mail goes, or that it goes nowhere; the former address is told. Where a second person must
    /// confirm what is done with an account, it is changed with a link: [`Self::draw_link_to`].
    pub async fn change_address(
        &self,
        who: &Authenticated,
        account: AccountId,
        mail: &str,
    ) -> Result<(), AccountError> {
        let parts = &self.0;
        let now = parts.journal.now();
        let row = self.row_for(who, account).await?.account;
        let mail = address(mail)?;
        let what = if mail.is_some() { "another address" } else { "no address" };
        let action = ChangeAddress { account, what: what.to_owned() };
        let authorized = parts.policies.decide(who, action, &Facts::default(), now)?;
        if who.account() == Some(account) {
            return Err(AccountError::Oneself);
        }
        if asks_two_people(row.role) {
            return Err(AccountError::AddressByLink);
        }
        if !parts.writes.is_on() {
            return Err(AccountError::Absent);
        }
        let mut secrets = row.secrets(&parts.keys)?;
        Self::by_envelopes(&secrets)?;
        if secrets.mail == mail {
            return Ok(());
        }
        let whose = Whose { row: &row, secrets: &secrets };
        let news = (About::AddressChanged, News::default());
        let letter = parts.writes.letter((&parts.store, &parts.keys), whose, news, now).await?;
        secrets.mail = mail;
        // Another link is drawn for the new one.
        secrets.link = None;
        let (state, sealed) = (secrets.state()?, row.bond().seal(&parts.keys, &secrets)?);
        let put = PutAddress { account: Resealed { row, state, sealed }, letter };
        done(parts.journal.perform(authorized, put).await?)
    }

    /// Confirms the link that another drew and that `seen` names. The code is for its holder: whoever confirms tells it to
    /// him, by another way than the link came.
    pub async fn confirm_link(
        &self,
        who: &Authenticated,
        account: AccountId,
        seen: LinkId,
    ) -> Result<SecondCode, AccountError> {
        self.confirm_link_as(who, account, seen, None).await
    }

    async fn confirm_link_as(
        &self,
        who: &Authenticated,
        account: AccountId,
        seen: LinkId,
        assertion: Option<&Assertion>,
    ) -> Result<SecondCode, AccountError> {
        let parts = &self.0;
        let now = parts.journal.now();
        let row = self.row_for(who, account).await?;
        let (link, mut kept) = self.link(&row, seen)?;
        let action = ConfirmLink { account, terms: String::new() };
        drop(parts.policies.decide(who, action, &Facts::default(), now)?);
        if who.account() == kept.by() || who.account() == Some(account) || self.is_of_probes(who).await? {
            return Err(AccountError::Second);
        }
        if !kept.waits || now >= Time::from_micros(kept.expires) {
            return Err(AccountError::Absent);
        }
        let by_passkey = self.second_signs(who, &row, &mut kept, assertion).await?;
        let action = ConfirmLink { account, terms: format!("{}{by_passkey}", kept.id()) };
        let authorized = parts.policies.decide(who, action, &Facts::default(), now)?;
        let code = draw_code()?;
        kept.waits = false;
        kept.second = Some(second_digest(&parts.keys, kept.id(), &code)?.to_vec());
        let sealed = kept.seal(&parts.keys, (account, &link.digest))?;
        done(parts.journal.perform(authorized, SecondConfirms { link, sealed }).await?)?;
        Ok(SecondCode(Secret::new(in_halves(code))))
    }

    /// Takes the link that `seen` names back before it serves.
    pub async fn withdraw_link(
        &self,
        who: &Authenticated,
        account: AccountId,
        seen: LinkId,
    ) -> Result<(), AccountError> {
        let parts = &self.0;
        let row = self.row_for(who, account).await?;
        let (_, kept) = self.link(&row, seen)?;
        let action = WithdrawLink { account, link: kept.id() };
        let authorized = parts.policies.decide(who, action, &Facts::default(), parts.journal.now())?;
        let mut secrets = row.account.secrets(&parts.keys)?;
        secrets.link = None;
        let (state, sealed) = (secrets.state()?, row.account.bond().seal(&parts.keys, &secrets)?);
        let account = Resealed { row: row.account, state, sealed };
        done(parts.journal.perform(authorized, DropLink(account)).await?)
    }

    /// Suspends, blocks, reopens or closes an account. What it has open ends in the same commit (its sessions, and its
    /// tokens unless it is only suspended); no link leads to it any more. Taking an account out of use waits neither for the journal
    /// nor for the database: [`AccountError::LockedHere`].
    pub async fn change_state(
        &self,
        who: &Authenticated,
        account: AccountId,
        (to, reason): (AccountState, LifeReason),
    ) -> Result<(), AccountError> {
        let parts = &self.0;
        let now = parts.journal.now();
        let row = self.row_for(who, account).await?.account;
        let action = ChangeAccountState { account, state: to, detail: format!("{to}: {reason}") };
        let authorized = parts.policies.decide(who, action, &Facts::default(), now)?;
        if who.account() == Some(account) {
            return Err(AccountError::Oneself);
        }
        let mut secrets = row.secrets(&parts.keys)?;
        if !may_become(secrets.state()?, to) || !is_reason_for(reason, to) {
            return Err(AccountError::Life);
        }
        if to == AccountState::Active {
            // It is given back by two people who draw others.
            Self::by_envelopes(&secrets)?;
            if takes_a_link_again(row.role, secrets.state()?) {
                return Err(AccountError::ByLink);
            }
        }
        secrets.link = None;
        secrets.envelopes = secrets.envelopes.as_ref().map(|_| Envelopes::default());
        let life = Life::new(to, now, who.account());
        secrets.life = Some(Life { reason: Some(reason.as_str().to_owned()), ..life });
        let (sealed, was_used) = (row.bond().seal(&parts.keys, &secrets)?, row.active);
        let put = PutState {
            nobodys: parts.keys.token(Purpose::LoginTokens, &[RESERVED_ADMINISTRATOR.as_bytes()])?,
            is_nobodys: secrets.login == RESERVED_ADMINISTRATOR,
            account: Resealed { row, state: to, sealed },
        };
        if to != AccountState::Active && was_used {
            let places = (&parts.journal, &parts.store);
            return match perform_or_act(places, authorized, put, Instead::Locked(account)).await {
                Ok(changed) => done(changed),
                Err(NotRecorded::InForceHere) => Err(AccountError::LockedHere),
                Err(NotRecorded::Refused(error)) => Err(error.into()),
            };
        }
        let changed = perform_ending(&parts.journal, authorized, put, Reserve::Taken).await?;
        unlock(&parts.journal, account).await;
        done(changed)
    }

    /// Says that an account was looked at again and is right.
    pub async fn review(&self, who: &Authenticated, account: AccountId) -> Result<(), AccountError> {
        let parts = &self.0;
        let now = parts.journal.now();
        let row = self.row_for(who, account).await?;
        let authorized = parts.policies.decide(who, ReviewAccount { account }, &Facts::default(), now)?;
        if who.account() == Some(account) {
            return Err(AccountError::Oneself);
        }
        let profile = match self.profile(&row)? {
            Some(profile) => Profile { reviewed: now.micros(), ..profile },
            None => Profile { reviewed: now.micros(), created: now.micros(), ..Profile::default() },
        };
        let sealed = profile.seal(&parts.keys, (account, row.account.establishment))?;
        let reviewed = Reviewed { former: row.profile, sealed };
        done(parts.journal.perform(authorized, reviewed).await?)
    }

    /// The establishment of somebody who may see its accounts.
    fn seeing(&self, who: &Authenticated) -> Result<EstablishmentId, AccountError> {
        let parts = &self.0;
        parts.policies.decide(who, SeeAccounts {}, &Facts::default(), parts.journal.now())?;
        who.establishment().ok_or(AccountError::Denied)
    }

    /// An account of the establishment of somebody who may see them, as the policies know it.
    pub(crate) async fn standing(
        &self,
        who: &Authenticated,
        account: AccountId,
    ) -> Result<(AccountSeen, Standing), AccountError> {
        let row = self.row(who, account).await?;
        let seen = self.seen(&row, self.0.journal.now())?;
        let (establishment, role, supplier) = (row.account.establishment, seen.role, seen.supplier);
        let standing = Standing { account, establishment, role, supplier, state: seen.state };
        Ok((seen, standing))
    }

    pub(crate) async fn explaining(&self) -> Result<OwnedSemaphorePermit, AccountError> {
        self.0.explaining.clone().acquire_owned().await.map_err(|_| AccountError::Unavailable)
    }

    pub(crate) fn policies(&self) -> Arc<Policies> {
        self.0.policies.clone()
    }

    pub(crate) fn now(&self) -> Time {
        self.0.journal.now()
    }

    async fn row(&self, who: &Authenticated, account: AccountId) -> Result<Whole, AccountError> {
        self.seeing(who)?;
        self.row_for(who, account).await
    }

    /// The account, if it is of the establishment of `who`. What is done with it is decided besides.
    async fn row_for(&self, who: &Authenticated, account: AccountId) -> Result<Whole, AccountError> {
        let establishment = who.establishment().ok_or(AccountError::Denied)?;
        let mut connection = self.0.store.read().await?;
        sql::one(&mut connection, establishment, account).await?.ok_or(AccountError::Absent)
    }

    fn profile(&self, row: &Whole) -> Result<Option<Profile>, AccountError> {
        let sealed = row.profile.as_deref();
        Ok(sealed.map(|sealed| Profile::open(&self.0.keys, &row.account, sealed)).transpose()?)
    }

    /// The account's link, if it is the one that was looked at: another was drawn meanwhile, or it has served.
    fn link(&self, row: &Whole, seen: LinkId) -> Result<(LinkRow, LinkSecrets), AccountError> {
        let link = row.link.clone().ok_or(AccountError::Absent)?;
        let kept = LinkSecrets::open(&self.0.keys, &link)?;
        let is_it = kept.id() == seen && row.account.secrets(&self.0.keys)?.link.as_deref() == Some(&kept.id[..]);
        if is_it { Ok((link, kept)) } else { Err(AccountError::Meanwhile) }
    }

    fn seen(&self, row: &Whole, now: Time) -> Result<AccountSeen, AccountError> {
        let keys = &self.0.keys;
        let account = &row.account;
        let secrets = account.secrets(keys)?;
        let (state, profile) = (secrets.state()?, self.profile(row)?);
        let link = standing_link(keys, row, &secrets, now)?;
        let is_over = matches!(state, AccountState::Blocked | AccountState::Closed);
        // One that nobody looked at since it is what it is; one of before such things were kept is due at once.
        let since = secrets.life.as_ref().map_or(0, |life| life.since);
        let reviewed = Time::from_micros(profile.map_or(since, |profile| profile.reviewed));
        let due = reviewed + Duration::from_secs(u64::from(review_days(account.role)) * 86_400);
        Ok(AccountSeen {
            account: account.id,
            display_name: secrets.display_name.clone(),
            login: secrets.login.clone(),
            role: account.role,
            supplier: account.supplier,
            state,
            review_due: (!is_over).then_some(due),
            link,
            is_break_glass: secrets.envelopes.is_some(),
        })
    }
}

/// The link that would give an account other means, if one leads to it now: confirmed or not.
pub(crate) fn standing_link(
    keys: &Keys,
    row: &Whole,
    secrets: &AccountSecrets,
    now: Time,
) -> Result<Option<LinkSeen>, StoreError> {
    let link = row.link.as_ref().map(|link| LinkSecrets::open(keys, link)).transpose()?;
    // One that was drawn for means that its holder changed since leads nowhere.
    let stands = |link: &LinkSecrets| {
        secrets.link.as_deref() == Some(&link.id[..]) && secrets.renewals.unwrap_or(0) == link.renewals
    };
    let link = link.filter(stands);
    Ok(link.map(|link| link.seen()).filter(|link| now < link.expires))
}

fn done(changed: Changed) -> Result<(), AccountError> {
    match changed {
        Changed::Done => Ok(()),
        Changed::Absent => Err(AccountError::Absent),
        Changed::Meanwhile => Err(AccountError::Meanwhile),
        Changed::Last => Err(AccountError::LastAdministrator),
        Changed::Full => Err(AccountError::Full),
    }
}

//! What a door asks: two steps of sign-in, a session honored, kept, ended.

use crate::{
    accounts,
    attempts::{Counters, Tried, pair_token, source_token},
    enrol::normal_login,
    hasher::{Hasher, NotHashed},
    model::{AccountRow, LastSignIn, SessionSecrets, SignedIn, last_sign_in_place, session_place},
    own::{spare_code, spare_digest},
    pace::{FIRST_STEPS_PER_MINUTE_MAX, Pace},
    sql,
};
use data_encoding::BASE64URL_NOPAD;
use identity::{
    CodeUsed, DoorKey, NewSession, NotResumed, PasswordHash, PasswordPolicy, Population, SessionLimits, SessionToken,
    SignIn, StoredSession, WeakPassword, check_password, door_actor, hash_password, resume, system_actor,
};
use journal::{Applied, Effect, Journal, JournalError, Refusal, WriteTx};
use minicbor::{Decode, Encode};
use policy::{EndSession, EndedBecause, Facts, OpenSession, Policies, PurgeSessions, RenewSession};
use std::{
    str::FromStr as _,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use store::{Store, StoreError};
use types::{
    AccountId, ClientAddress, Door, EstablishmentId, Event, Extra, Role, Secret, SessionId, SystemActor, Time,
};
use vault::{Keys, Place, Purpose, VaultError, random};

/// Characters kept of what a device is called.
const DEVICE_CHARS_MAX: usize = 60;
/// Counters older than this are deleted.
const FORGET: Duration = Duration::from_secs(7200);
/// Tokens past their end are shown to their holders for this long.
const TOKENS_SHOWN: Duration = Duration::from_secs(30 * 86_400);

fn past(now: Time) -> sql::Past {
    sql::Past { now, failures: now - FORGET, tokens: now - TOKENS_SHOWN }
}

/// What a door's sign-in needs to know.
#[derive(Debug, Clone)]
pub struct SignInSettings {
    /// Which door.
    pub door: Door,
    /// Who may come in through it.
    pub roles: &'static [Role],
    /// How long its sessions live.
    pub limits: SessionLimits,
    /// The establishment that refusals of unknown people are counted for.
    pub establishment: EstablishmentId,
    /// What the hospital asks of its administrators' passwords (segur IAM.92).
    pub administrators_passwords: PasswordPolicy,
}

/// Why the first step was not taken.
#[derive(Debug, thiserror::Error)]
pub enum FirstStepError {
    /// Too many steps from this address.
    #[error("too many attempts; wait {} s", .0.as_secs())]
    TooMany(Duration),
    /// The door is busy or a store does not answer.
    #[error("sign-in is not possible at present")]
    Unavailable,
}

/// Why the second step did not open a session.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecondStepError {
    /// Login, password or code are wrong.
    #[error("the login, the password or the code is wrong")]
    Refused,
    /// Too many failures; wait.
    #[error("too many attempts; wait {} s", .0.as_secs())]
    TooMany(Duration),
    /// The ceremony was left for too long, or is of another address.
    #[error("this sign-in was interrupted for too long")]
    Lost,
    /// The door cannot trace or store it.
    #[error("sign-in is not possible at present")]
    Unavailable,
}

/// Why a cookie is not honored.
#[derive(Debug, thiserror::Error)]
pub enum SessionFault {
    /// Nobody is signed in with it (any more).
    #[error("nobody is signed in")]
    SignedOut,
    /// It cannot be known: a store does not answer.
    #[error("sessions cannot be read at present")]
    Unavailable,
}

/// A session just opened.
pub struct Opened {
    /// The cookie's value.
    pub cookie: String,
    /// Which session.
    pub session: SessionId,
}

pub(crate) struct Parts {
    pub store: Store,
    pub journal: Journal,
    pub policies: Arc<Policies>,
    pub keys: Keys,
    pub door_key: DoorKey,
    pub settings: SignInSettings,
    pub hasher: Hasher,
    pace: Mutex<Pace>,
    /// An account that nobody has, so that an unknown login costs what a known one does.
    nobody: AccountRow,
}

/// Sign-in of one door. Clones are handles.
#[derive(Clone)]
pub struct SignInService(Arc<Parts>);

/// What travels with the browser between the two steps, sealed.
#[derive(Encode, Decode)]
#[cbor(map)]
struct Ceremony {
    #[cbor(n(0), with = "minicbor::bytes")]
    parked: Vec<u8>,
    #[cbor(n(1), with = "minicbor::bytes")]
    pair: [u8; 32],
    /// Of the account as it was when the password was given: one changed meanwhile is another. Bytes: as long for everybody.
    #[cbor(n(2), with = "minicbor::bytes")]
    version: [u8; 8],
}

const CEREMONY: Place<'static> = Place { table: "browser", column: "ceremony", row: &[] };

impl SignInService {
    /// For one door, with that door's keys.
    pub fn new(
        store: Store,
        journal: Journal,
        policies: Arc<Policies>,
        keys: Keys,
        settings: SignInSettings,
    ) -> Result<Self, VaultError> {
        let door_key = DoorKey::new(settings.door, &*keys.bare(Purpose::SessionTags(settings.door))?);
        let hasher = Hasher::default();
        let pace = Mutex::new(Pace::new(FIRST_STEPS_PER_MINUTE_MAX));
        let nobody = AccountRow::nobody(&keys, settings.establishment)?;
        Ok(Self(Arc::new(Parts { store, journal, policies, keys, door_key, settings, hasher, pace, nobody })))
    }

    /// What is asked of a new password, for this role.
    pub fn password_policy(&self, role: Role) -> PasswordPolicy {
        match Population::from(role) {
            Population::Administrators => self.0.settings.administrators_passwords,
            other => PasswordPolicy::default_for(other),
        }
    }

    /// Whether a password is older than this role's may be. One whose age was not kept is not, until it is changed.
    fn is_due(&self, role: Role, since: Option<i64>, now: Time) -> bool {
        let days = self.password_policy(role).expires_days();
        let life = days.map(|days| Duration::from_secs(u64::from(days) * 86_400));
        since.zip(life).is_some_and(|(since, life)| now >= Time::from_micros(since) + life)
    }

    /// Judges a new password and hashes it. `personal` are the words that somebody who knows its owner tries first.
    pub(crate) async fn new_password(
        &self,
        password: Secret<String>,
        role: Role,
        personal: Vec<String>,
    ) -> Result<Result<PasswordHash, WeakPassword>, NotHashed> {
        let (policy, salt) = (self.password_policy(role), random().map_err(|_| NotHashed::Fault)?);
        let hashed = self.0.hasher.run(move || {
            let mut words: Vec<&str> = personal.iter().map(String::as_str).collect();
            words.push("poterne");
            check_password(&password, &policy, &words)?;
            Ok(hash_password(&password, &salt))
        });
        match hashed.await? {
            Ok(hash) => hash.map(Ok).map_err(|_| NotHashed::Fault),
            Err(weak) => Ok(Err(weak)),
        }
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.0
    }

    /// One step of a source that costs a password hashing, or how long it waits.
    pub(crate) fn pace(&self, address: ClientAddress, now: Time) -> Result<(), Duration> {
        self.0.pace.lock().unwrap_or_else(PoisonError::into_inner).step(address.source(), now)
    }

    /// The password step. It answers alike for everybody; the ceremony it returns goes into the next form.
    pub async fn first_step(
        &self,
        login: &str,
        password: Secret<String>,
        address: ClientAddress,
    ) -> Result<String, FirstStepError> {
        let parts = &self.0;
        let now = parts.journal.now();
        if let Err(wait) = self.pace(address, now) {
            self.refused(address, "too many first steps").await;
            return Err(FirstStepError::TooMany(wait));
        }
        let login = normal_login(login.get(..login.len().min(256)).unwrap_or(""));
        let pair = pair_token(&parts.keys, address, &login).map_err(|_| FirstStepError::Unavailable)?;
        let login_token = self.token(Purpose::LoginTokens, &[login.as_bytes()])?;
        let account = self.known(sql_account(&parts.store, &login_token).await)?;
        // The same unsealing for a login that nobody has.
        let held = account.as_ref().unwrap_or(&parts.nobody);
        let held = held.credentials(&parts.keys).map_err(|_| FirstStepError::Unavailable)?;
        let credentials = account.as_ref().map(|row| (row.id, held));
        let seen = parts.hasher.run(move || {
            let known = credentials.as_ref().map(|(id, held)| (*id, held));
            SignIn::start(address, now).password(&password, known)
        });
        let seen = seen.await.map_err(|_| FirstStepError::Unavailable)?;
        let version = account.as_ref().unwrap_or(&parts.nobody).version.to_be_bytes();
        let ceremony = Ceremony { parked: seen.park(&parts.door_key), pair, version };
        let clear = minicbor::to_vec(&ceremony).unwrap_or_default();
        let sealed = parts
            .keys
            .seal(Purpose::Ceremonies(parts.settings.door), CEREMONY, &clear)
            .map_err(|_| FirstStepError::Unavailable)?;
        Ok(BASE64URL_NOPAD.encode(&sealed))
    }

    fn token(&self, purpose: Purpose, parts: &[&[u8]]) -> Result<[u8; 32], FirstStepError> {
        self.0.keys.token(purpose, parts).map_err(|_| FirstStepError::Unavailable)
    }

    /// Only active accounts of this door's roles are known here.
    fn known(&self, read: Result<Option<AccountRow>, StoreError>) -> Result<Option<AccountRow>, FirstStepError> {
        let account = read.map_err(|error| {
            tracing::warn!(%error, "accounts cannot be read");
            FirstStepError::Unavailable
        })?;
        Ok(account.filter(|row| row.active && self.0.settings.roles.contains(&row.role)))
    }

    /// The code step: opens a session, or says that something was wrong.
    pub async fn second_step(
        &self,
        ceremony: &str,
        code: &str,
        address: ClientAddress,
    ) -> Result<Opened, SecondStepError> {
        self.second_step_on(ceremony, code, (address, "")).await
    }

    /// The same, on a device that the session is kept with: what its holder will recognize it by.
    pub async fn second_step_on(
        &self,
        ceremony: &str,
        code: &str,
        (address, device): (ClientAddress, &str),
    ) -> Result<Opened, SecondStepError> {
        let parts = &self.0;
        let now = parts.journal.now();
        let ceremony = self.unseal(ceremony).ok_or(SecondStepError::Lost)?;
        let seen =
            SignIn::unpark(&ceremony.parked, &parts.door_key, address, now).map_err(|_| SecondStepError::Lost)?;
        let source = source_token(&parts.keys, address).map_err(|_| SecondStepError::Unavailable)?;
        // Nobody's account is read like somebody's.
        let account = self.read_account(seen.account().unwrap_or(parts.nobody.id)).await?;
        let at_home = account.as_ref().is_some_and(|row| row.last_from(&parts.keys) == Some(address.source()));
        let counters = Counters { pair: ceremony.pair, source, at_home };
        if let Some(wait) = self.wait(&counters, now).await? {
            self.refused(address, "too early after failures").await;
            return Err(SecondStepError::TooMany(wait));
        }
        let held = account.as_ref().unwrap_or(&parts.nobody);
        let held = held.credentials(&parts.keys).map_err(|_| SecondStepError::Unavailable)?;
        let credentials = account.is_some().then_some(held);
        let code: String = code.chars().filter(|c| !c.is_whitespace()).take(16).collect();
        let target = seen.account();
        let (verified, spare) = match spare_code(&code) {
            None => (seen.code(&code, credentials.as_ref(), now).ok(), None),
            Some(code) => {
                let whose = target.unwrap_or(parts.nobody.id);
                let (digest, is_there) = self.spare(whose, &code).await?;
                (seen.spare_code(is_there, now).ok(), Some(digest))
            }
        };
        let establishment = account.as_ref().map_or(parts.settings.establishment, |row| row.establishment);
        let granted = match (verified, account) {
            (Some(verified), Some(row)) if row.version.to_be_bytes() == ceremony.version => {
                Some(self.grant((verified, spare), row, device, now)?)
            }
            _ => None,
        };
        let cookie = granted.as_ref().map(|granted| (granted.session.token.to_cookie(), granted.session.token.id()));
        let who = door_actor(parts.settings.door, address, Some(establishment), now);
        let action = OpenSession { establishment, account: target, door: parts.settings.door };
        let authorized =
            parts.policies.decide(&who, action, &Facts::default(), now).map_err(|_| SecondStepError::Unavailable)?;
        let effect = TryOpen { service: self.clone(), counters, granted };
        match parts.journal.perform(authorized, effect).await {
            Ok(Tried::Opened) => {
                let (cookie, session) = cookie.ok_or(SecondStepError::Refused)?;
                Ok(Opened { cookie, session })
            }
            Ok(Tried::Wrong) => Err(SecondStepError::Refused),
            Ok(Tried::Wait(wait)) => Err(SecondStepError::TooMany(wait)),
            Err(error) => {
                tracing::warn!(%error, "a sign-in could not be traced or stored");
                Err(SecondStepError::Unavailable)
            }
        }
    }

    fn unseal(&self, text: &str) -> Option<Ceremony> {
        let sealed = BASE64URL_NOPAD.decode(text.get(..text.len().min(2048))?.as_bytes()).ok()?;
        let clear = self.0.keys.open(Purpose::Ceremonies(self.0.settings.door), CEREMONY, &sealed).ok()?;
        minicbor::decode(&clear).ok()
    }

    async fn wait(&self, counters: &Counters, now: Time) -> Result<Option<Duration>, SecondStepError> {
        let read = async {
            let mut connection = self.0.store.read().await?;
            counters.remaining(&mut connection, now).await
        };
        read.await.map_err(|error: StoreError| {
            tracing::warn!(%error, "failures cannot be read");
            SecondStepError::Unavailable
        })
    }

    async fn read_account(&self, id: AccountId) -> Result<Option<AccountRow>, SecondStepError> {
        let read = async {
            let mut connection = self.0.store.read().await?;
            sql::account_by_id(&mut connection, id).await
        };
        self.known(read.await).map_err(|_| SecondStepError::Unavailable)
    }

    /// A spare code's token, and whether the account has it. Nobody's is looked for like somebody's.
    async fn spare(&self, whose: AccountId, code: &str) -> Result<([u8; 32], bool), SecondStepError> {
        let digest = spare_digest(&self.0.keys, whose, code).map_err(|_| SecondStepError::Unavailable)?;
        let read = async {
            let mut connection = self.0.store.read().await?;
            accounts::sql::has_code(&mut connection, whose, &digest).await
        };
        let is_there = read.await.map_err(|error: StoreError| {
            tracing::warn!(%error, "spare codes cannot be read");
            SecondStepError::Unavailable
        })?;
        Ok((digest, is_there))
    }

    fn grant(
        &self,
        (verified, spare): (SignIn<identity::Verified>, Option<[u8; 32]>),
        row: AccountRow,
        device: &str,
        now: Time,
    ) -> Result<Granted, SecondStepError> {
        let parts = &self.0;
        let (id, secret) = random::<16>()
            .and_then(|id| Ok((SessionId::from_bytes(id), random::<32>()?)))
            .map_err(|_| SecondStepError::Unavailable)?;
        let (code, address) = (verified.code_used(), verified.address());
        let place = (row.establishment, row.role);
        let session = verified.open(place, &parts.door_key, parts.settings.limits, (id, secret), now);
        let device = device.chars().filter(|c| !c.is_control()).take(DEVICE_CHARS_MAX).collect();
        Ok(Granted { session, account: row, code, spare, device, sign_in: LastSignIn { at: now, address } })
    }

    /// Honors a cookie for this request. What is forged is traced; what is merely over is not.
    pub async fn resume(&self, cookie: &str, address: ClientAddress) -> Result<SignedIn, SessionFault> {
        let parts = &self.0;
        let now = parts.journal.now();
        let Ok(token) = SessionToken::from_str(cookie) else {
            self.refused(address, "malformed session token").await;
            return Err(SessionFault::SignedOut);
        };
        // Before the store is asked: a revocation holds whatever the store says.
        if parts.journal.is_revoked(token.id()) {
            return Err(SessionFault::SignedOut);
        }
        let read = async {
            let mut connection = parts.store.read().await?;
            sql::session(&mut connection, token.id(), parts.settings.door).await
        };
        let row = read.await.map_err(|error: StoreError| {
            tracing::warn!(%error, "sessions cannot be read");
            SessionFault::Unavailable
        })?;
        let Some(row) = row.filter(|row| row.account.active) else { return Err(SessionFault::SignedOut) };
        let resumed = match resume(&row.stored, &token, &parts.door_key, address, now) {
            Ok(resumed) => resumed,
            Err(why @ (NotResumed::Forged | NotResumed::WrongToken | NotResumed::Malformed)) => {
                self.refused(address, &why.to_string()).await;
                return Err(SessionFault::SignedOut);
            }
            Err(NotResumed::Idle | NotResumed::Ended) => return Err(SessionFault::SignedOut),
        };
        let account = row.account;
        // The record says whose it is; the row must agree.
        if resumed.authenticated.account() != Some(account.id) || resumed.authenticated.role() != Some(account.role) {
            self.refused(address, "the session and its account disagree").await;
            return Err(SessionFault::SignedOut);
        }
        let secrets = account.secrets(&parts.keys).map_err(|_| SessionFault::Unavailable)?;
        let session = token.id();
        let place: [&[u8]; 2] = [session.as_bytes(), account.id.as_bytes()];
        let kept = SessionSecrets::open(&parts.keys, session_place(&place), &row.sealed).ok();
        let previous = kept.and_then(|kept| kept.previous());
        if let Ok(Some(renewed)) = row.stored.renewed(&parts.door_key, now) {
            self.keep(&resumed.authenticated, token.id(), renewed, now);
        }
        Ok(SignedIn {
            session: token.id(),
            account: account.id,
            login: secrets.login.clone(),
            display_name: secrets.display_name.clone(),
            role: account.role,
            supplier: account.supplier,
            opened: resumed.opened,
            idle_until: (now + parts.settings.limits.idle).min(resumed.absolute_until).max(resumed.idle_until),
            absolute_until: resumed.absolute_until,
            previous,
            password_due: self.is_due(account.role, secrets.password_since, now),
            authenticated: resumed.authenticated,
        })
    }

    /// Moves the idle end, in a task of its own: a page does not wait for it.
    fn keep(&self, who: &identity::Authenticated, session: SessionId, renewed: StoredSession, now: Time) {
        let Some(account) = who.account() else { return };
        let action = RenewSession { account, session };
        let Ok(authorized) = self.0.policies.decide(who, action, &Facts::default(), now) else { return };
        let journal = self.0.journal.clone();
        tokio::spawn(async move {
            if let Err(error) = journal.perform(authorized, Renew(renewed)).await {
                tracing::warn!(%error, "a session could not be renewed");
            }
        });
    }

    /// Ends a session at once; the database and the journal follow when they can. Nobody who leaves meanwhile stops it.
    pub async fn end(&self, who: &SignedIn, because: EndedBecause) {
        self.end_session(who, who.session, because).await;
    }

    /// The same of any session of one's own. Whose it is, the caller has checked.
    pub(crate) async fn end_session(&self, who: &SignedIn, session: SessionId, because: EndedBecause) {
        let parts = &self.0;
        let now = parts.journal.now();
        let action = EndSession { account: who.account, session, because };
        let authorized = parts.policies.decide(&who.authenticated, action, &Facts::default(), now);
        let until = now + parts.settings.limits.absolute;
        let journal = parts.journal.clone();
        let revoked = parts.journal.own(async move {
            if let Err(error) = journal.revoke(session, until).await {
                tracing::error!(%error, "a revocation is in force but could not be written to the reserve");
            }
            let after = journal.clone();
            journal.own(async move {
                match authorized {
                    Ok(authorized) => {
                        if let Err(error) = after.perform(authorized, Delete).await {
                            tracing::warn!(%error, "a session is revoked; its record could not be deleted yet");
                        }
                    }
                    Err(error) => tracing::error!(%error, "ending one's own session was not permitted"),
                }
            });
        });
        // The revocation is waited for, what follows it is not.
        let _ = revoked.await;
    }

    /// Cuts a session that a panic happened in (acces-web DT8): in force at once, then traced. Its record goes with the
    /// next purge.
    pub async fn cut(&self, session: SessionId) {
        let parts = &self.0;
        let now = parts.journal.now();
        if let Err(error) = parts.journal.revoke(session, now + parts.settings.limits.absolute).await {
            tracing::error!(%error, "a revocation is in force but could not be written to the reserve");
        }
        let node = system_actor(SystemActor::Node, Some(parts.settings.establishment), now);
        let detail = Some(format!("session {session}: a handler panicked"));
        if let Err(error) = parts.journal.note(&node, Event::SessionClosed, detail).await {
            tracing::warn!(%error, "a session was closed on a fault; the trace could not be written");
        }
    }

    /// Signs out of a session whose record cannot be read at present: in force at once, then traced in a task of its
    /// own. The caller has checked, by its token, that the form was served to this very session.
    pub async fn end_unread(&self, session: SessionId, address: ClientAddress) {
        let parts = &self.0;
        let now = parts.journal.now();
        let until = now + parts.settings.limits.absolute;
        let who = door_actor(parts.settings.door, address, Some(parts.settings.establishment), now);
        let detail = Some(format!("session {session}: asked, while its record could not be read"));
        let journal = parts.journal.clone();
        let revoked = parts.journal.own(async move {
            if let Err(error) = journal.revoke(session, until).await {
                tracing::error!(%error, "a revocation is in force but could not be written to the reserve");
            }
            let after = journal.clone();
            journal.own(async move {
                if let Err(error) = after.note(&who, Event::SignOut, detail).await {
                    tracing::warn!(%error, "a session is revoked; the trace could not be written");
                }
            });
        });
        let _ = revoked.await;
    }

    /// A stranger asked for what needs a session.
    pub async fn stranger(&self, address: ClientAddress) {
        self.refused(address, "no session").await;
    }

    /// Somebody with a session asked for what his role does not have.
    pub async fn turned_away(&self, who: &SignedIn, what: &'static str) {
        let refusal = Refusal { target: what.into(), reason: "not of this role".into() };
        if let Err(error) = self.0.journal.refuse(&who.authenticated, Event::Refused, &refusal).await {
            tracing::warn!(%error, "a refusal could not be traced");
        }
    }

    /// Somebody with a session asks for a page or sends a form: recorded if trace controllers want it so, before it is
    /// answered. Where it cannot be, what needs a trace of its own is refused for that; cuts and signing out are not.
    pub async fn note_request(&self, who: &SignedIn, method: &str, path: &str) {
        let noted = self.0.journal.note_extra(&who.authenticated, Extra::Requests, &format!("{method} {path}")).await;
        if let Err(error) = noted {
            tracing::warn!(%error, "a request could not be recorded");
        }
    }

    /// Deletes what is past its end. The node calls it from time to time.
    pub async fn purge(&self) -> Result<(), JournalError> {
        let parts = &self.0;
        let now = parts.journal.now();
        let mut connection = parts.store.read().await?;
        if !sql::anything_past(&mut connection, past(now)).await? {
            return Ok(());
        }
        drop(connection);
        let who = system_actor(SystemActor::Node, None, now);
        let authorized = parts
            .policies
            .decide(&who, PurgeSessions {}, &Facts::default(), now)
            .map_err(|error| JournalError::Malformed(error.to_string()))?;
        parts.journal.perform(authorized, Purge).await
    }

    pub(crate) async fn refused(&self, address: ClientAddress, reason: &str) {
        let who = door_actor(self.0.settings.door, address, Some(self.0.settings.establishment), self.0.journal.now());
        let refusal = Refusal { target: "session".into(), reason: reason.to_owned() };
        if let Err(error) = self.0.journal.refuse(&who, Event::Refused, &refusal).await {
            tracing::warn!(%error, "a refusal could not be traced");
        }
    }
}

async fn sql_account(store: &Store, token: &[u8; 32]) -> Result<Option<AccountRow>, StoreError> {
    let mut connection = store.read().await?;
    sql::account_by_login(&mut connection, token).await
}

struct Granted {
    session: NewSession,
    account: AccountRow,
    code: CodeUsed,
    spare: Option<[u8; 32]>,
    device: String,
    sign_in: LastSignIn,
}

struct TryOpen {
    service: SignInService,
    counters: Counters,
    granted: Option<Granted>,
}

impl Effect<OpenSession> for TryOpen {
    type Output = Tried;

    async fn apply(&self, tx: &mut WriteTx<'_, OpenSession>) -> Result<Applied<Tried>, StoreError> {
        let now = tx.now();
        // Again inside the transaction: of many attempts at once, the first failure makes the others wait.
        if let Some(wait) = self.counters.remaining(tx.connection(), now).await? {
            return Ok(Applied::refused(Tried::Wait(wait)));
        }
        let opened = match &self.granted {
            Some(granted) => self.insert(granted, tx).await?,
            None => false,
        };
        if opened {
            self.counters.succeeded(tx.connection()).await?;
            return Ok(Applied::done(Tried::Opened));
        }
        self.counters.failed(tx.connection(), now).await?;
        Ok(Applied::refused(Tried::Wrong))
    }
}

impl TryOpen {
    async fn insert(&self, granted: &Granted, tx: &mut WriteTx<'_, OpenSession>) -> Result<bool, StoreError> {
        let keys = &self.service.0.keys;
        let account = &granted.account;
        let own: [&[u8]; 1] = [account.id.as_bytes()];
        let sealed = granted.sign_in.seal(keys, last_sign_in_place(&own))?;
        let whose = (account.id, account.version);
        let recorded = match (granted.code, &granted.spare) {
            (CodeUsed::Step(step), _) => sql::record_sign_in(tx.connection(), whose, step, sealed).await?,
            (CodeUsed::Spare, Some(digest)) => {
                accounts::sql::spend_code(tx.connection(), account.id, digest).await?
                    && sql::record_spare_sign_in(tx.connection(), whose, sealed).await?
            }
            (CodeUsed::Spare, None) => false,
        };
        if !recorded {
            return Ok(false);
        }
        let id = granted.session.token.id();
        let place: [&[u8]; 2] = [id.as_bytes(), account.id.as_bytes()];
        let previous = match &account.last_sign_in {
            Some(sealed) => Some(LastSignIn::open(keys, last_sign_in_place(&own), sealed)?),
            None => None,
        };
        let kept = SessionSecrets::new(previous, granted.sign_in, granted.device.clone());
        let door = tx.action().door;
        let session = sql::SessionInsert {
            id,
            account: account.id,
            establishment: account.establishment,
            door,
            stored: &granted.session.stored,
            sealed: kept.seal(keys, session_place(&place))?,
            ends: granted.session.absolute_until,
        };
        sql::insert_session(tx.connection(), session).await?;
        Ok(true)
    }
}

struct Renew(StoredSession);

impl Effect<RenewSession> for Renew {
    type Output = ();
    async fn apply(&self, tx: &mut WriteTx<'_, RenewSession>) -> Result<Applied<()>, StoreError> {
        let session = tx.action().session;
        sql::renew_session(tx.connection(), session, &self.0).await?;
        Ok(Applied::done(()))
    }
}

struct Delete;

impl Effect<EndSession> for Delete {
    type Output = ();
    async fn apply(&self, tx: &mut WriteTx<'_, EndSession>) -> Result<Applied<()>, StoreError> {
        let session = tx.action().session;
        sql::delete_session(tx.connection(), session).await?;
        Ok(Applied::done(()))
    }
}

struct Purge;

impl Effect<PurgeSessions> for Purge {
    type Output = ();
    async fn apply(&self, tx: &mut WriteTx<'_, PurgeSessions>) -> Result<Applied<()>, StoreError> {
        let now = tx.now();
        sql::purge(tx.connection(), past(now)).await?;
        Ok(Applied::done(()))
    }
}

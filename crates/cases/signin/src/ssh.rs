//! Signing in through the relays: a key that the protocol proves, and a one-time code, or an approval in the browser, that opens
//! it for a while.

mod approvals;

use crate::{
    attempts::{Counters, LoginTokens, Tried},
    defences::Defences,
    ending::is_in_use,
    enrol::normal_login,
    means::{
        model::SshKeySecrets,
        sql::{SshKeyRow, ssh_key_of},
    },
    model::{AccountRow, LastSignIn},
    pace::Pace,
    sql,
};
use identity::{Authenticated, EnrolledKey, SecondFactor, SshPublicKey, SshRecognized, door_actor, recognize};
use journal::{Applied, Effect, Journal, Refusal, WriteTx};
use policy::{Facts, OpenSession, Policies, Subject};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use store::{Store, StoreError};
use types::{
    AccountId, ClientAddress, Door, EstablishmentId, Event, InterventionId, Role, SessionId, SshApprovalId, SupplierId,
    Time,
};
use vault::{Keys, Purpose, VaultError, random};

/// Keys that a source may offer in a minute: a client offers several, and comes again for each transfer.
const OFFERS_PER_MINUTE_MAX: u32 = 240;
/// Opened keys in memory.
const OPENED_MAX: usize = 4096;

/// Why somebody does not come in. What is unknown, wrong or not his is one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SshRefused {
    /// No.
    #[error("not permitted")]
    Refused,
    /// Too many tries; wait.
    #[error("too many attempts; wait {} s", .0.as_secs())]
    TooMany(Duration),
    /// It cannot be known or traced at present.
    #[error("sign-in is not possible at present")]
    Unavailable,
}

impl From<StoreError> for SshRefused {
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, "accounts or keys cannot be read");
        SshRefused::Unavailable
    }
}

impl From<VaultError> for SshRefused {
    fn from(error: VaultError) -> Self {
        tracing::warn!(%error, "accounts or keys cannot be opened");
        SshRefused::Unavailable
    }
}

/// Somebody's key, offered on a connection. The relay's protocol must show that the caller holds it before any code is
/// asked for.
#[derive(Debug)]
pub struct SshSeen {
    recognized: SshRecognized,
    supplier: SupplierId,
    display_name: String,
    login: LoginTokens,
    /// Of the account when the key was shown: changed since, neither key nor code count any more.
    version: i64,
    /// The code given on this connection, its approval, or the opened key that it came in by.
    factor: Mutex<Option<Arc<SecondFactor>>>,
    /// What this connection asked of its holder's browser.
    approval: Mutex<Option<SshApprovalId>>,
}

impl SshSeen {
    /// Whose.
    pub fn account(&self) -> AccountId {
        self.recognized.account()
    }

    /// Whose people he is of.
    pub fn supplier(&self) -> SupplierId {
        self.supplier
    }

    /// Where the account is held.
    pub fn establishment(&self) -> EstablishmentId {
        self.recognized.establishment()
    }

    /// The name shown.
    pub fn display_name(&self) -> &str {
        &self.display_name
    }

    /// The key's: `SHA256:…`.
    pub fn fingerprint(&self) -> &str {
        self.recognized.fingerprint()
    }

    /// Where from.
    pub fn address(&self) -> ClientAddress {
        self.recognized.address()
    }

    fn factor(&self) -> Option<Arc<SecondFactor>> {
        self.factor.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn take_up(&self, factor: &Arc<SecondFactor>) {
        *self.factor.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(factor));
    }
}

/// Account and its version, key, address and intervention for which a code was given.
type Opened = (AccountId, i64, String, ClientAddress, InterventionId);

struct Parts {
    store: Store,
    journal: Journal,
    policies: Arc<Policies>,
    keys: Keys,
    establishment: EstablishmentId,
    defences: Defences,
    pace: Mutex<Pace>,
    opened: Mutex<HashMap<Opened, Arc<SecondFactor>>>,
    /// An account that nobody has and a key that nobody enrolled, so that unknown ones cost what known ones do.
    nobody: AccountRow,
    no_key: SshKeyRow,
}

/// Sign-in through the relays. Clones are handles.
#[derive(Clone)]
pub struct SshSignIn(Arc<Parts>);

impl SshSignIn {
    /// With the relays' keys; refusals of unknown people are counted for `establishment`.
    pub fn new(
        store: Store,
        journal: Journal,
        policies: Arc<Policies>,
        keys: Keys,
        (establishment, defences): (EstablishmentId, Defences),
    ) -> Result<Self, VaultError> {
        let nobody = AccountRow::nobody(&keys, establishment)?;
        let fingerprint = format!("SHA256:{}", "A".repeat(43));
        let kept = SshKeySecrets { blob: vec![0; 51], label: "personne".into() };
        let sealed = kept.seal(&keys, nobody.id, &fingerprint)?;
        let no_key = SshKeyRow { fingerprint, sealed, added: Time::from_micros(0) };
        let (pace, opened) = (Mutex::new(Pace::new(OFFERS_PER_MINUTE_MAX)), Mutex::default());
        let parts = Parts { store, journal, policies, keys, establishment, defences, pace, opened, nobody, no_key };
        Ok(Self(Arc::new(parts)))
    }

    /// Says whose key is offered under a login. `key` is the public key's wire form. An unknown login, an unknown key and
    /// somebody who is not a supplier's technician cost and answer alike. Call it for each key that the client offers.
    pub async fn identify(&self, login: &str, key: &[u8], address: ClientAddress) -> Result<SshSeen, SshRefused> {
        let parts = &self.0;
        let now = parts.journal.now();
        let stepped = parts.pace.lock().unwrap_or_else(PoisonError::into_inner).step(address.source(), now);
        if let Err(wait) = stepped {
            self.refused(address, "too many keys offered").await;
            return Err(SshRefused::TooMany(wait));
        }
        let Ok(offered) = SshPublicKey::from_blob(key) else {
            self.refused(address, "a key of a kind that is not taken").await;
            return Err(SshRefused::Refused);
        };
        let login = normal_login(login.get(..login.len().min(256)).unwrap_or(""));
        let tokens = LoginTokens::new(&parts.keys, address, &login)?;
        let token = parts.keys.token(Purpose::LoginTokens, &[login.as_bytes()])?;
        let mut connection = parts.store.read().await?;
        let waits = sql::failures(&mut connection, &tokens.pair).await?.remaining(identity::pair_wait, now);
        let known = sql::account_by_login(&mut connection, &token).await?.filter(|row| parts.works_here(row));
        let account = known.as_ref().unwrap_or(&parts.nobody);
        let row = ssh_key_of(&mut connection, account.id, &offered.fingerprint()).await?;
        drop(connection);
        if !waits.is_zero() {
            self.refused(address, "too early after failures").await;
            return Err(SshRefused::TooMany(waits));
        }
        let secrets = account.secrets(&parts.keys)?;
        // The same unsealing for a key that nobody has.
        let (holder, kept) = row.as_ref().map_or((parts.nobody.id, &parts.no_key), |row| (account.id, row));
        let enrolled = SshKeySecrets::open(&parts.keys, holder, kept)?;
        let connection = SessionId::from_bytes(random()?);
        let seen = known.as_ref().zip(row.as_ref()).and_then(|(account, _)| {
            let enrolled = EnrolledKey {
                account: account.id,
                establishment: account.establishment,
                role: account.role,
                blob: &enrolled.blob,
            };
            Some((recognize(&offered, &enrolled, address, connection)?, account.supplier?, account.version))
        });
        let Some((recognized, supplier, version)) = seen else {
            self.refused(address, "unknown login or key").await;
            return Err(SshRefused::Refused);
        };
        let (display_name, factor, approval) = (secrets.display_name.clone(), Mutex::default(), Mutex::default());
        Ok(SshSeen { recognized, supplier, display_name, login: tokens, version, factor, approval })
    }

    /// Takes a code: right, it serves once, and the connection is that person's; wrong, it counts like any failed sign-in.
    pub async fn code(&self, seen: &SshSeen, code: &str, address: ClientAddress) -> Result<(), SshRefused> {
        let parts = &self.0;
        let now = parts.journal.now();
        if address != seen.address() {
            return Err(SshRefused::Refused);
        }
        let mut connection = parts.store.read().await?;
        let account = sql::account_by_id(&mut connection, seen.account()).await?.filter(|row| parts.works_here(row));
        let at_home = account.as_ref().is_some_and(|row| row.is_home(&parts.keys, address.source(), now));
        let counters = Counters::new(&parts.keys, &parts.defences, address, (seen.login, at_home))?;
        let watched = (counters.from(), counters.login());
        let wait = counters.remaining(&mut connection, now).await?;
        drop(connection);
        if let Some(wait) = wait {
            self.refused(address, "too early after failures").await;
            return Err(SshRefused::TooMany(wait));
        }
        let held = account.as_ref().map(|row| row.credentials(&parts.keys)).transpose()?;
        let code: String = code.chars().filter(|c| !c.is_whitespace()).take(16).collect();
        let (step, factor) = match seen.recognized.code(&code, held.as_ref(), now) {
            Ok((step, factor)) => (Some(step), Some(Arc::new(factor))),
            Err(_) => (None, None),
        };
        let sign_in = LastSignIn { at: now, address };
        let sealed =
            account.as_ref().map(|row| row.signed_in(&parts.keys, sign_in, "SSH")).transpose()?.unwrap_or_default();
        let establishment = seen.establishment();
        let who = door_actor(Door::Relays, address, Some(establishment), now);
        let action = OpenSession { establishment, account: Some(seen.account()), door: Door::Relays };
        let authorized =
            parts.policies.decide(&who, action, &Facts::default(), now).map_err(|_| SshRefused::Unavailable)?;
        let effect = TryCode { counters, account: (seen.account(), seen.version), step, sealed };
        let tried = parts.journal.perform(authorized, effect).await.map_err(|error| {
            tracing::warn!(%error, "a sign-in could not be traced or stored");
            SshRefused::Unavailable
        })?;
        match (tried, factor) {
            (Tried::Opened { .. }, Some(factor)) => {
                seen.take_up(&factor);
                Ok(())
            }
            (Tried::Wait(wait), _) => Err(SshRefused::TooMany(wait)),
            _ => {
                parts.defences.watch(&parts.journal, &who, (watched.0, watched.1, Some(seen.account()))).await;
                Err(SshRefused::Refused)
            }
        }
    }

    /// Keeps this key open, from this address, for this intervention: ten minutes, renewed by activity. Traced before it is
    /// in force. Only after the code or the approval.
    pub async fn open_key(
        &self,
        seen: &SshSeen,
        intervention: InterventionId,
        address: ClientAddress,
    ) -> Result<(), SshRefused> {
        let parts = &self.0;
        let now = parts.journal.now();
        let factor = seen.factor().ok_or(SshRefused::Refused)?;
        let who = self.proof(seen, &factor, address, now)?;
        let factor = Arc::new(factor.renewed(now).ok_or(SshRefused::Refused)?);
        let whose = opened(seen, intervention);
        {
            let mut all = parts.opened.lock().unwrap_or_else(PoisonError::into_inner);
            all.retain(|_, factor| factor.serves(now));
            if all.len() >= OPENED_MAX && !all.contains_key(&whose) {
                return Err(SshRefused::Unavailable);
            }
        }
        let target = Some(format!("intervention:{intervention}"));
        let detail = Some(seen.fingerprint().to_owned());
        let traced = parts.journal.note_of(&Subject::of(&who), Event::RelayKeyOpened, target, detail).await;
        traced.map_err(|error| {
            tracing::warn!(%error, "an opened key could not be traced");
            SshRefused::Unavailable
        })?;
        let mut all = parts.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() < OPENED_MAX || all.contains_key(&whose) {
            all.insert(whose, factor);
        }
        Ok(())
    }

    /// Closes a key that was kept open: the next connection needs a code or an approval again.
    pub fn close_key(&self, seen: &SshSeen, intervention: InterventionId) {
        let mut all = self.0.opened.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(&opened(seen, intervention));
    }

    /// Whether this key is open from this address for this intervention; if so the connection needs no code.
    pub fn is_open(&self, seen: &SshSeen, intervention: InterventionId, address: ClientAddress) -> bool {
        let now = self.0.journal.now();
        if address != seen.address() {
            return false;
        }
        let all = self.0.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(factor) = all.get(&opened(seen, intervention)).filter(|factor| factor.serves(now)) else {
            return false;
        };
        seen.take_up(factor);
        true
    }

    /// Notes activity: the opened key, and this connection, stay good for ten minutes more; half a day in all.
    pub fn touch(&self, seen: &SshSeen, intervention: InterventionId) {
        let now = self.0.journal.now();
        let mut all = self.0.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(slot) = all.get_mut(&opened(seen, intervention)) else { return };
        let Some(renewed) = slot.renewed(now) else { return };
        *slot = Arc::new(renewed);
        seen.take_up(slot);
    }

    /// The proof, for what is about to be done: only after the code, the approval or [`SshSignIn::is_open`], while account and
    /// key are still good.
    pub async fn authenticated(&self, seen: &SshSeen, address: ClientAddress) -> Result<Authenticated, SshRefused> {
        let parts = &self.0;
        let mut connection = parts.store.read().await?;
        let account = sql::account_by_id(&mut connection, seen.account()).await?.filter(|row| parts.works_here(row));
        let key = ssh_key_of(&mut connection, seen.account(), seen.fingerprint()).await?;
        drop(connection);
        let same = account.is_some_and(|row| {
            row.version == seen.version
                && row.supplier == Some(seen.supplier)
                && row.establishment == seen.establishment()
                && row.secrets(&parts.keys).is_ok()
        });
        if !same || key.is_none() {
            self.refused(address, "the account or the key is no longer good").await;
            return Err(SshRefused::Refused);
        }
        let factor = seen.factor().ok_or(SshRefused::Refused)?;
        self.proof(seen, &factor, address, parts.journal.now())
    }

    fn proof(
        &self,
        seen: &SshSeen,
        factor: &SecondFactor,
        address: ClientAddress,
        now: Time,
    ) -> Result<Authenticated, SshRefused> {
        if address != seen.address() {
            return Err(SshRefused::Refused);
        }
        factor.authenticated(&seen.recognized, now).ok_or(SshRefused::Refused)
    }

    async fn refused(&self, address: ClientAddress, reason: &str) {
        let who = door_actor(Door::Relays, address, Some(self.0.establishment), self.0.journal.now());
        let refusal = Refusal { target: "ssh".into(), reason: reason.to_owned() };
        if let Err(error) = self.0.journal.refuse(&who, Event::Refused, &refusal).await {
            tracing::warn!(%error, "a refusal could not be traced");
        }
    }
}

fn opened(seen: &SshSeen, intervention: InterventionId) -> Opened {
    (seen.account(), seen.version, seen.fingerprint().to_owned(), seen.address(), intervention)
}

impl Parts {
    /// Only suppliers' active technicians work through the relays.
    fn works_here(&self, row: &AccountRow) -> bool {
        is_in_use(&self.journal, row) && is_technician(row)
    }
}

fn is_technician(row: &AccountRow) -> bool {
    row.active && row.role == Role::Technician && row.supplier.is_some()
}

struct TryCode {
    counters: Counters,
    /// As it was read.
    account: (AccountId, i64),
    step: Option<u64>,
    sealed: Vec<u8>,
}

impl Effect<OpenSession> for TryCode {
    type Output = Tried;

    async fn apply(&self, tx: &mut WriteTx<'_, OpenSession>) -> Result<Applied<Tried>, StoreError> {
        let now = tx.now();
        // Again inside the transaction: of many attempts at once, the first failure makes the others wait.
        if let Some(wait) = self.counters.remaining(tx.connection(), now).await? {
            return Ok(Applied::refused(Tried::Wait(wait)));
        }
        let served = match self.step {
            Some(step) => sql::record_sign_in(tx.connection(), self.account, step, self.sealed.clone()).await?,
            None => false,
        };
        if served {
            self.counters.succeeded(tx.connection()).await?;
            return Ok(Applied::done(Tried::Opened { closed: Vec::new(), rehashed: false }));
        }
        self.counters.failed(tx.connection(), now).await?;
        Ok(Applied::refused(Tried::Wrong))
    }
}

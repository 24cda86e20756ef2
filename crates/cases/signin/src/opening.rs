//! What opens a session, in the commit that remembers the code and the counters.

use crate::{
    SignInService, accounts,
    at_once::OtherSession,
    attempts::{Counters, Tried},
    ending::{Ending, is_in_use},
    model::{AccountRow, LastSignIn, SessionSecrets, last_sign_in_place, session_place},
    outbox::{
        News,
        model::{About, LetterRow, Whose},
        put, told_or_logged,
    },
    passkeys::{ASK_LIFE, challenge_digest},
    service::{SecondStepError, Terminal},
    sheets::SheetUsed,
    sql,
};
use identity::{CodeUsed, NewSession, SessionRules, SignIn, network_of};
use journal::{Applied, Effect, WriteTx};
use policy::OpenSession;
use store::StoreError;
use types::{ClientAddress, Role, SessionId, Time};
use vault::{Keys, random};

/// Characters kept of what a device is called.
const DEVICE_CHARS_MAX: usize = 60;

impl SignInService {
    pub(crate) async fn grant(
        &self,
        (verified, spent): (SignIn<identity::Verified>, Option<Spent>),
        row: AccountRow,
        terminal: Terminal<'_>,
        now: Time,
    ) -> Result<Granted, SecondStepError> {
        let parts = &self.0;
        let rules = self.rules_of(&row).await.map_err(|error| {
            tracing::warn!(%error, "the sessions' rules cannot be read");
            SecondStepError::Unavailable
        })?;
        let (id, secret) = random::<16>()
            .and_then(|id| Ok((SessionId::from_bytes(id), random::<32>()?)))
            .map_err(|_| SecondStepError::Unavailable)?;
        let (code, address) = (verified.code_used(), verified.address());
        let place = (row.establishment, row.role);
        let session = verified.open(place, &parts.door_key, rules.limits(), (id, secret), now);
        let device: String = terminal.device.chars().filter(|c| !c.is_control()).take(DEVICE_CHARS_MAX).collect();
        let letter = match self.is_new(&row, (address, &device), now) {
            true => self.letter_of_place(&row, &device, now).await,
            false => None,
        };
        Ok(Granted {
            session,
            account: row,
            code,
            spent,
            device,
            rules,
            former: terminal.former,
            again: None,
            letter,
            sign_in: LastSignIn { at: now, address },
        })
    }

    /// Whether its holder should hear of this sign-in: it comes from no usual place, nor from a network of the last ones.
    /// Patients' and relatives' telephones change networks every day: theirs must be another device too. The first one of
    /// an account is its holder's.
    pub(crate) fn is_new(&self, row: &AccountRow, (address, device): (ClientAddress, &str), now: Time) -> bool {
        let keys = &self.0.keys;
        let recent = row.recent(keys);
        let network = network_of(address.source());
        let is_known = row.is_home(keys, address.source(), now)
            || recent.iter().any(|one| network_of(one.address.source()) == network);
        let roams = matches!(row.role, Role::Patient | Role::Relative);
        let is_own = roams && recent.iter().any(|one| one.device == device);
        !(recent.is_empty() || is_known || is_own)
    }

    async fn letter_of_place(&self, row: &AccountRow, device: &str, now: Time) -> Option<LetterRow> {
        let parts = &self.0;
        let secrets = row.secrets(&parts.keys).ok()?;
        let (whose, news) = (Whose { row, secrets: &secrets }, News { device, ..News::default() });
        let about = (About::SignedInElsewhere, news);
        told_or_logged(parts.writes.letter((&parts.store, &parts.keys), whose, about, now).await)
    }
}

/// What opens a session and is found among rows, which go with it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Spent {
    /// What is kept of a spare code.
    Spare([u8; 32]),
    /// A code of a printed sheet.
    Sheet(SheetUsed),
}

pub(crate) struct Granted {
    pub session: NewSession,
    pub account: AccountRow,
    pub code: CodeUsed,
    pub spent: Option<Spent>,
    pub device: String,
    /// What holds for this session.
    pub rules: SessionRules,
    /// The session whose place it takes.
    pub former: Option<SessionId>,
    /// What is sealed of the account, where its password was hashed again.
    pub again: Option<Vec<u8>>,
    /// To its holder, where he was not lately.
    pub letter: Option<LetterRow>,
    pub sign_in: LastSignIn,
}

pub(crate) struct TryOpen {
    pub service: SignInService,
    pub counters: Counters,
    pub granted: Option<Granted>,
}

impl Effect<OpenSession> for TryOpen {
    type Output = Ending<Tried>;

    async fn apply(&self, tx: &mut WriteTx<'_, OpenSession>) -> Result<Applied<Ending<Tried>>, StoreError> {
        let now = tx.now();
        // Again inside the transaction: of many attempts at once, the first failure makes the others wait.
        if let Some(wait) = self.counters.remaining(tx.connection(), now).await? {
            return Ok(Applied::refused(Ending::nothing(Tried::Wait(wait))));
        }
        let inserted = match &self.granted {
            Some(granted) => granted.insert(&self.service, tx).await?,
            None => Inserted::Spent,
        };
        match &inserted {
            Inserted::Opened { .. } => self.counters.succeeded(tx.connection()).await?,
            Inserted::Spent => self.counters.failed(tx.connection(), now).await?,
            // Nothing was guessed.
            Inserted::Elsewhere(_) => {}
        }
        Ok(inserted.told())
    }
}

/// What became of a session granted.
pub(crate) enum Inserted {
    /// It is open; these were closed by it, and these were over or are gone on with. Whether the password was hashed again.
    Opened { closed: Vec<SessionId>, over: Vec<SessionId>, rehashed: bool },
    /// What would have opened it had served, or the account had changed.
    Spent,
    /// One session at a time is kept, and another one is there.
    Elsewhere(OtherSession),
}

impl Inserted {
    /// The outcome of the sign-in, with what it ended.
    pub(crate) fn told(self) -> Applied<Ending<Tried>> {
        match self {
            Self::Opened { closed, over, rehashed } => {
                let ended = [closed.clone(), over].concat();
                Applied::done(Ending { outcome: Tried::Opened { closed, rehashed }, ended })
            }
            Self::Elsewhere(other) => Applied::refused(Ending::nothing(Tried::Elsewhere(other))),
            Self::Spent => Applied::refused(Ending::nothing(Tried::Wrong)),
        }
    }
}

impl Granted {
    /// Keeps the session, if what opens it has not served, the account is still as it was read, and no other stands in its
    /// way. What opens it has served in any case.
    pub(crate) async fn insert(
        &self,
        service: &SignInService,
        tx: &mut WriteTx<'_, OpenSession>,
    ) -> Result<Inserted, StoreError> {
        let keys = &service.0.keys;
        let account = &self.account;
        let own: [&[u8]; 1] = [account.id.as_bytes()];
        if let Some(other) = self.in_the_way(service, tx).await? {
            let spent = self.spend(keys, tx).await?;
            return Ok(if spent { Inserted::Elsewhere(other) } else { Inserted::Spent });
        }
        // As it is now: another sign-in may have come since the account was read.
        let fresh = sql::account_by_id(tx.connection(), account.id).await?;
        let Some(fresh) = fresh.filter(|row| is_in_use(&service.0.journal, row)) else { return Ok(Inserted::Spent) };
        let previous = match &fresh.last_sign_in {
            Some(sealed) => Some(LastSignIn::open(keys, last_sign_in_place(&own), sealed)?),
            None => None,
        };
        let sealed = fresh.signed_in(keys, self.sign_in, &self.device)?;
        if !self.record(keys, tx, sealed).await? {
            return Ok(Inserted::Spent);
        }
        let rehashed = match &self.again {
            Some(again) => sql::keep_hash(tx.connection(), account, again.clone()).await?,
            None => false,
        };
        let (closed, over) = self.close_others(service, tx).await?;
        let id = self.session.token.id();
        let place: [&[u8]; 2] = [id.as_bytes(), account.id.as_bytes()];
        let kept = SessionSecrets::new((previous, self.sign_in), self.device.clone(), self.rules.at_once());
        let door = tx.action().door;
        let session = sql::SessionInsert {
            id,
            account: account.id,
            establishment: account.establishment,
            door,
            stored: &self.session.stored,
            sealed: kept.seal(keys, session_place(&place))?,
            ends: self.session.absolute_until,
        };
        sql::insert_session(tx.connection(), session).await?;
        put(tx.connection(), &self.letter).await?;
        Ok(Inserted::Opened { closed, over, rehashed })
    }

    /// Remembers what opened it, and that it did.
    async fn record(
        &self,
        keys: &Keys,
        tx: &mut WriteTx<'_, OpenSession>,
        sealed: Vec<u8>,
    ) -> Result<bool, StoreError> {
        let whose = (self.account.id, self.account.version);
        if let CodeUsed::Step(step) = self.code {
            return sql::record_sign_in(tx.connection(), whose, step, sealed).await;
        }
        Ok(self.spend(keys, tx).await? && sql::record_other_sign_in(tx.connection(), whose, sealed).await?)
    }

    /// What would open it serves no more. Whether it had not served.
    async fn spend(&self, keys: &Keys, tx: &mut WriteTx<'_, OpenSession>) -> Result<bool, StoreError> {
        let whose = (self.account.id, self.account.version);
        let (now, connection) = (tx.now(), tx.connection());
        match (self.code, &self.spent) {
            (CodeUsed::Step(step), _) => sql::spend_step(connection, whose, step).await,
            (CodeUsed::Spare, Some(Spent::Spare(digest))) => {
                accounts::sql::spend_code(connection, self.account.id, digest).await
            }
            (CodeUsed::Sheet, Some(Spent::Sheet(used))) => used.spend(connection, self.account.id).await,
            // Envelopes are spent in the effect of their own.
            (CodeUsed::Spare | CodeUsed::Sheet, _) | (CodeUsed::Envelopes, _) => Ok(false),
            (CodeUsed::Challenge(challenge), _) => {
                let digest = challenge_digest(keys, &challenge)?;
                sql::spend_challenge(connection, &digest, now + ASK_LIFE).await
            }
        }
    }
}

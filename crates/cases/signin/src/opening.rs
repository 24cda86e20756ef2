//! What opens a session, in the commit that remembers the code and the counters.

use crate::{
    SignInService, accounts,
    attempts::{Counters, Tried},
    model::{AccountRow, LastSignIn, SessionSecrets, last_sign_in_place, session_place},
    passkeys::{ASK_LIFE, challenge_digest},
    service::SecondStepError,
    sql,
};
use identity::{CodeUsed, NewSession, SignIn};
use journal::{Applied, Effect, WriteTx};
use policy::OpenSession;
use store::StoreError;
use types::{SessionId, Time};
use vault::{Keys, random};

/// Characters kept of what a device is called.
const DEVICE_CHARS_MAX: usize = 60;

impl SignInService {
    pub(crate) fn grant(
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
}

pub(crate) struct Granted {
    pub session: NewSession,
    pub account: AccountRow,
    pub code: CodeUsed,
    pub spare: Option<[u8; 32]>,
    pub device: String,
    pub sign_in: LastSignIn,
}

pub(crate) struct TryOpen {
    pub service: SignInService,
    pub counters: Counters,
    pub granted: Option<Granted>,
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
            Some(granted) => granted.insert(&self.service, tx).await?,
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

impl Granted {
    /// Keeps the session, if what opens it has not served and the account is still as it was read.
    pub(crate) async fn insert(
        &self,
        service: &SignInService,
        tx: &mut WriteTx<'_, OpenSession>,
    ) -> Result<bool, StoreError> {
        let keys = &service.0.keys;
        let account = &self.account;
        let own: [&[u8]; 1] = [account.id.as_bytes()];
        let sealed = account.signed_in(keys, self.sign_in)?;
        if !self.record(keys, tx, sealed).await? {
            return Ok(false);
        }
        let id = self.session.token.id();
        let place: [&[u8]; 2] = [id.as_bytes(), account.id.as_bytes()];
        let previous = match &account.last_sign_in {
            Some(sealed) => Some(LastSignIn::open(keys, last_sign_in_place(&own), sealed)?),
            None => None,
        };
        let kept = SessionSecrets::new(previous, self.sign_in, self.device.clone());
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
        Ok(true)
    }

    /// Remembers what opened it, and that it did.
    async fn record(
        &self,
        keys: &Keys,
        tx: &mut WriteTx<'_, OpenSession>,
        sealed: Vec<u8>,
    ) -> Result<bool, StoreError> {
        let whose = (self.account.id, self.account.version);
        let (now, connection) = (tx.now(), tx.connection());
        let unspent = match (self.code, &self.spare) {
            (CodeUsed::Step(step), _) => return sql::record_sign_in(connection, whose, step, sealed).await,
            (CodeUsed::Spare, Some(digest)) => {
                accounts::sql::spend_code(&mut *connection, self.account.id, digest).await?
            }
            (CodeUsed::Spare, None) => false,
            (CodeUsed::Challenge(challenge), _) => {
                let digest = challenge_digest(keys, &challenge)?;
                sql::spend_challenge(&mut *connection, &digest, now + ASK_LIFE).await?
            }
        };
        Ok(unspent && sql::record_other_sign_in(connection, whose, sealed).await?)
    }
}

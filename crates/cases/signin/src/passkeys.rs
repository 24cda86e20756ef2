//! Signing in with a passkey, in one step (acces-web AA4): the browser shows its holder's accounts, so nobody types a login,
//! nothing can be guessed, and a false page gets nothing. What was asked travels with the browser, sealed.

use crate::{
    SignInService,
    at_once::OtherSession,
    attempts::Tried,
    ending::{Ending, Reserve, is_in_use, perform_ending},
    means::{model::open_passkey, sql::passkey_by_credential},
    opening::{Granted, Inserted},
    service::{Opened, SecondStepError, Terminal},
    sql::account_by_id,
};
use data_encoding::BASE64URL_NOPAD;
use identity::{
    SignIn, door_actor,
    passkey::{Assertion, RelyingParty},
};
use journal::{Applied, Effect, WriteTx};
use minicbor::{Decode, Encode};
use policy::{Facts, OpenSession};
use std::time::Duration;
use store::StoreError;
use types::{ClientAddress, Time};
use vault::{Keys, Place, Purpose, VaultError, random};

/// What was asked must be answered within this time.
pub(crate) const ASK_LIFE: Duration = Duration::from_secs(600);
const PLACE: Place<'static> = Place { table: "browser", column: "passkey", row: &[] };

/// What a page needs for `navigator.credentials.get`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyAsked {
    /// To be signed, once.
    pub challenge: [u8; 32],
    /// Whom the passkey is for.
    pub rp: RelyingParty,
    /// Sealed, for the form to bring back.
    pub ceremony: String,
}

/// Why a passkey opened no session.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasskeyRefused {
    /// It opens no account here, or its signature is not right: which one is not said.
    #[error("this passkey opens no account here")]
    Refused,
    /// The page was left for too long, or it was asked of another address.
    #[error("this sign-in was interrupted for too long")]
    Lost,
    /// The hospital's directory does not answer, and the account is one of its people's.
    #[error("the hospital's directory does not answer")]
    NoDirectory,
    /// Too many steps from this address.
    #[error("too many attempts; wait {} s", .0.as_secs())]
    TooMany(Duration),
    /// One session at a time is kept, and another one is there.
    #[error("another session of this account is open")]
    Elsewhere(OtherSession),
    /// The door cannot trace or store it.
    #[error("sign-in is not possible at present")]
    Unavailable,
}

impl From<SecondStepError> for PasskeyRefused {
    fn from(_: SecondStepError) -> Self {
        PasskeyRefused::Unavailable
    }
}

impl From<StoreError> for PasskeyRefused {
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, "passkeys cannot be read");
        PasskeyRefused::Unavailable
    }
}

impl From<VaultError> for PasskeyRefused {
    fn from(error: VaultError) -> Self {
        tracing::warn!(%error, "a passkey's challenge cannot be sealed or opened");
        PasskeyRefused::Unavailable
    }
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct Asked {
    #[cbor(n(0), with = "minicbor::bytes")]
    challenge: [u8; 32],
    #[cbor(n(1), with = "minicbor::bytes")]
    source: [u8; 16],
    #[n(2)]
    expires: i64,
}

/// What is kept of a challenge that was signed.
pub(crate) fn challenge_digest(keys: &Keys, challenge: &[u8; 32]) -> Result<[u8; 32], StoreError> {
    keys.token(Purpose::LinksAndCodes, &[b"challenge", challenge]).map_err(|error| StoreError::Other(error.to_string()))
}

impl SignInService {
    /// A challenge for a passkey, where this door takes them.
    pub fn ask_passkey(&self, address: ClientAddress) -> Option<PasskeyAsked> {
        let (parts, means) = (self.parts(), self.means()?);
        let challenge = random().ok()?;
        let expires = (parts.journal.now() + ASK_LIFE).micros();
        let asked = Asked { challenge, source: address.source().octets(), expires };
        let clear = minicbor::to_vec(&asked).unwrap_or_default();
        let sealed = parts.keys.seal(Purpose::Ceremonies(parts.settings.door), PLACE, &clear).ok()?;
        Some(PasskeyAsked { challenge, rp: means.rp().clone(), ceremony: BASE64URL_NOPAD.encode(&sealed) })
    }

    /// Opens a session for whoever signed what was asked. Nobody waits for the failures of others here: a signature cannot
    /// be guessed.
    pub async fn passkey_sign_in(
        &self,
        ceremony: &str,
        assertion: &Assertion,
        terminal: impl Into<Terminal<'_>>,
    ) -> Result<Opened, PasskeyRefused> {
        let terminal: Terminal<'_> = terminal.into();
        let (parts, address) = (self.parts(), terminal.address);
        let now = parts.journal.now();
        let means = self.means().ok_or(PasskeyRefused::Lost)?;
        if let Err(wait) = self.passkey_pace(address, now) {
            self.refused(address, "too many passkeys shown").await;
            return Err(PasskeyRefused::TooMany(wait));
        }
        let challenge = self.unseal_asked(ceremony, address, now).ok_or(PasskeyRefused::Lost)?;
        let granted = match self.believe((means.rp(), challenge), assertion, terminal, now).await? {
            Ok(granted) => granted,
            Err(why) => {
                self.refused(address, &format!("passkey: {why}")).await;
                return Err(PasskeyRefused::Refused);
            }
        };
        let (establishment, account) = (granted.account.establishment, granted.account.id);
        let opened = Opened { cookie: granted.session.token.to_cookie(), session: granted.session.token.id(), account };
        let who = door_actor(parts.settings.door, address, Some(establishment), now);
        let action = OpenSession { establishment, account: Some(account), door: parts.settings.door };
        let authorized =
            parts.policies.decide(&who, action, &Facts::default(), now).map_err(|_| PasskeyRefused::Unavailable)?;
        let effect = OpenByPasskey { service: self.clone(), credential: assertion.credential.clone(), granted };
        let tried = perform_ending(&parts.journal, authorized, effect, Reserve::Left).await.map_err(|error| {
            tracing::warn!(%error, "a sign-in could not be traced or stored");
            PasskeyRefused::Unavailable
        })?;
        match tried {
            Tried::Opened { closed, .. } => {
                self.note_closed(address, closed).await;
                Ok(opened)
            }
            Tried::Elsewhere(other) => {
                self.refused(address, "another session of the account is there").await;
                Err(PasskeyRefused::Elsewhere(other))
            }
            Tried::Wrong | Tried::Wait(_) => Err(PasskeyRefused::Refused),
        }
    }

    fn unseal_asked(&self, text: &str, address: ClientAddress, now: Time) -> Option<[u8; 32]> {
        let parts = self.parts();
        let sealed = BASE64URL_NOPAD.decode(text.get(..text.len().min(1024))?.as_bytes()).ok()?;
        let clear = parts.keys.open(Purpose::Ceremonies(parts.settings.door), PLACE, &sealed).ok()?;
        let asked: Asked = minicbor::decode(&clear).ok()?;
        let is_here = asked.source == address.source().octets() && now < Time::from_micros(asked.expires);
        is_here.then_some(asked.challenge)
    }

    /// What the passkey's holder is granted, or why nothing.
    async fn believe(
        &self,
        (rp, challenge): (&RelyingParty, [u8; 32]),
        assertion: &Assertion,
        terminal: Terminal<'_>,
        now: Time,
    ) -> Result<Result<Granted, String>, PasskeyRefused> {
        let parts = self.parts();
        let mut connection = parts.store.read().await?;
        let Some(row) = passkey_by_credential(&mut connection, &assertion.credential).await? else {
            return Ok(Err("unknown".into()));
        };
        let account = account_by_id(&mut connection, row.account).await?;
        drop(connection);
        let here = |role| parts.settings.roles.contains(&role);
        let account = account.filter(|account| is_in_use(&parts.journal, account) && here(account.role));
        // Its state is what is sealed, and the passkey is of the account's own establishment.
        let account = account.filter(|account| account.establishment == row.establishment);
        let opened = account.and_then(|account| {
            let renewals = account.secrets(&parts.keys).ok()?.renewals.unwrap_or(0);
            Some((account, renewals))
        });
        let Some((account, renewals)) = opened else { return Ok(Err("its account does not come in here".into())) };
        let held = open_passkey(&parts.keys, &row, renewals)?;
        if !held.opens {
            return Ok(Err("its account's means were given anew since".into()));
        }
        let signed =
            SignIn::start(terminal.address, now).passkey((rp, challenge), (account.id, &held.public), assertion);
        match signed {
            // The directory is asked of nobody who did not sign.
            Ok(_) if !self.is_still_here(&account).await? => {
                Ok(Err("the hospital's directory does not know its holder so any more".into()))
            }
            Ok(verified) => Ok(Ok(self.grant((verified, None), account, terminal, now).await?)),
            Err(why) => Ok(Err(why.to_string())),
        }
    }
}

struct OpenByPasskey {
    service: SignInService,
    credential: Vec<u8>,
    granted: Granted,
}

impl Effect<OpenSession> for OpenByPasskey {
    type Output = Ending<Tried>;

    async fn apply(&self, tx: &mut WriteTx<'_, OpenSession>) -> Result<Applied<Ending<Tried>>, StoreError> {
        // It may have been taken away since it was read.
        let is_there = passkey_by_credential(tx.connection(), &self.credential).await?.is_some();
        let inserted = if is_there { self.granted.insert(&self.service, tx).await? } else { Inserted::Spent };
        Ok(inserted.told())
    }
}

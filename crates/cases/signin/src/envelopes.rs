//! Signing in by two sealed envelopes: the way in when no other is left, which rings, and serves once.
//!
//! The same two steps as with password and code, with the same counters and waits. Nothing tells, by answer or by time, whether a
//! login is a break-glass account's, whether its envelopes serve, or which of the two codes was wrong.

use crate::{
    SignInService,
    accounts::{
        break_glass::{
            model::{Serve, UseRow, UseSecrets, envelope_digest, words},
            sql::insert_use,
        },
        sql::end_sessions,
    },
    attempts::{Counters, LoginTokens, Tried},
    ending::{Ending, Reserve, perform_ending},
    enrol::normal_login,
    model::{AccountRow, LastSignIn, SessionSecrets, last_sign_in_place, session_place, state_column},
    outbox::{
        News,
        model::{About, LetterRow},
        put,
    },
    service::{FirstStepError, Opened, SecondStepError, Terminal},
    sql,
    steps::Known,
};
use data_encoding::BASE64URL_NOPAD;
use identity::{AtOnce, Envelope, EnvelopeCode, NewSession, SessionLimits, SignIn, Verified, door_actor};
use journal::{Applied, Effect, WriteTx};
use minicbor::{Decode, Encode};
use policy::{BreakGlass, Facts};
use std::{sync::PoisonError, time::Duration};
use store::StoreError;
use types::{AccountId, AccountState, ClientAddress, EnvelopesId, SessionId, Time};
use vault::{Place, Purpose, random};

/// No session that envelopes opened lasts longer, whatever was decided of others.
pub const BREAK_GLASS_SESSION_SECONDS_MAX: u64 = 7200;
/// Characters kept of what a device is called.
const DEVICE_CHARS_MAX: usize = 60;
/// Of their own: what another sign-in parked is not taken up here, nor the other way round.
const CEREMONY: Place<'static> = Place { table: "browser", column: "envelopes", row: &[] };

/// What travels with the browser between the two envelopes, sealed.
#[derive(Encode, Decode)]
#[cbor(map)]
struct Ceremony {
    #[cbor(n(0), with = "minicbor::bytes")]
    parked: Vec<u8>,
    #[cbor(n(1), with = "minicbor::bytes")]
    pair: [u8; 32],
    /// Of the account as it was: one changed meanwhile is another. Bytes: as long for everybody.
    #[cbor(n(2), with = "minicbor::bytes")]
    version: [u8; 8],
    #[cbor(n(3), with = "minicbor::bytes")]
    login: [u8; 32],
}

/// Why somebody came in by envelopes, as he wrote it: some words.
pub struct BreakGlassReason(String);

impl BreakGlassReason {
    /// Reads it; nothing if it says nothing, or too much.
    pub fn read(text: &str) -> Option<Self> {
        words(text).ok().map(Self)
    }
}

impl SignInService {
    /// The first envelope. It answers alike for everybody; the ceremony it returns goes into the next form.
    pub async fn first_envelope(
        &self,
        login: &str,
        code: &EnvelopeCode,
        address: ClientAddress,
    ) -> Result<String, FirstStepError> {
        let parts = &self.0;
        let now = parts.journal.now();
        let unavailable = |_| FirstStepError::Unavailable;
        let login = normal_login(login.get(..login.len().min(256)).unwrap_or(""));
        let tokens = LoginTokens::new(&parts.keys, address, &login).map_err(unavailable)?;
        if let Err(wait) = self.envelope_pace(tokens.pair, address, now) {
            self.refused(address, "too many first steps").await;
            return Err(FirstStepError::TooMany(wait));
        }
        let login_token = parts.keys.token(Purpose::LoginTokens, &[login.as_bytes()]).map_err(unavailable)?;
        let account = self.known_by(Known::Login(&login_token)).await?;
        let (known, is_right) = self.is_its(account.as_ref(), Envelope::First, code, now)?;
        let seen = SignIn::start(address, now).first_envelope(known.map(|id| (id, is_right)));
        let version = account.as_ref().unwrap_or(&parts.nobody).version.to_be_bytes();
        let parked = seen.park(&parts.door_key);
        let ceremony = Ceremony { parked, pair: tokens.pair, version, login: tokens.account };
        let clear = minicbor::to_vec(&ceremony).unwrap_or_default();
        let sealed =
            parts.keys.seal(Purpose::Ceremonies(parts.settings.door), CEREMONY, &clear).map_err(unavailable)?;
        Ok(BASE64URL_NOPAD.encode(&sealed))
    }

    /// The account, if it signs in by envelopes and has some, and whether this is what one of them holds. Nobody's are compared
    /// like somebody's.
    fn is_its(
        &self,
        account: Option<&AccountRow>,
        of: Envelope,
        code: &EnvelopeCode,
        now: Time,
    ) -> Result<(Option<AccountId>, bool), FirstStepError> {
        let parts = &self.0;
        let row = account.unwrap_or(&parts.nobody);
        let secrets = row.secrets(&parts.keys).map_err(|_| FirstStepError::Unavailable)?;
        let serve = secrets.envelopes.as_ref().and_then(|kept| kept.serving(now));
        let (id, held) = match (serve, of) {
            (None, _) => ([0; 16], [0; 32]),
            (Some(serve), Envelope::First) => (serve.id, serve.first.digest),
            (Some(serve), Envelope::Second) => (serve.id, serve.second.digest),
        };
        let digest = envelope_digest(&parts.keys, (row.id, &id, of), code).map_err(|_| FirstStepError::Unavailable)?;
        // Digests under a key: how they are compared tells nothing.
        Ok((account.filter(|_| serve.is_some()).map(|row| row.id), serve.is_some() && digest == held))
    }

    /// The second envelope: opens a session, which rings, or says that something was wrong.
    pub async fn second_envelope(
        &self,
        ceremony: &str,
        (code, reason): (&EnvelopeCode, &BreakGlassReason),
        terminal: impl Into<Terminal<'_>>,
    ) -> Result<Opened, SecondStepError> {
        let terminal: Terminal<'_> = terminal.into();
        let (parts, address) = (&self.0, terminal.address);
        let now = parts.journal.now();
        let ceremony = self.unseal_envelopes(ceremony).ok_or(SecondStepError::Lost)?;
        let seen =
            SignIn::unpark(&ceremony.parked, &parts.door_key, address, now).map_err(|_| SecondStepError::Lost)?;
        let whose = seen.account();
        let unavailable = |_| SecondStepError::Unavailable;
        // Nobody's account is read like somebody's.
        let account = self.known_by(Known::Id(whose.unwrap_or(parts.nobody.id))).await.map_err(unavailable)?;
        let at_home = account.as_ref().is_some_and(|row| row.is_home(&parts.keys, address.source(), now));
        let tokens = LoginTokens { pair: ceremony.pair, account: ceremony.login };
        let counters = Counters::new(&parts.keys, &parts.settings.defences, address, (tokens, at_home))
            .map_err(|_| SecondStepError::Unavailable)?;
        let watched = (counters.from(), counters.login(), whose);
        let (_, is_right) = self.is_its(account.as_ref(), Envelope::Second, code, now).map_err(unavailable)?;
        let verified = seen.second_envelope(is_right, now).ok();
        let establishment = account.as_ref().map_or(parts.settings.establishment, |row| row.establishment);
        let granted = match (verified, account) {
            (Some(verified), Some(row)) if row.version.to_be_bytes() == ceremony.version => {
                Some(self.grant_envelopes(verified, row, (terminal, reason), now).await?)
            }
            _ => None,
        };
        // Two hundred bits need no wait before them: who has both comes in whatever others, or he, got wrong before.
        if granted.is_none()
            && let Some(wait) = self.wait(&counters, now).await?
        {
            self.refused(address, "too early after failures").await;
            return Err(SecondStepError::TooMany(wait));
        }
        let opened = granted.as_ref().map(GrantedByEnvelopes::opened);
        let who = door_actor(parts.settings.door, address, Some(establishment), now);
        let detail = granted.as_ref().map_or_else(|| "no session".to_owned(), |granted| granted.detail.clone());
        let action = BreakGlass { establishment, account: whose, detail };
        let authorized =
            parts.policies.decide(&who, action, &Facts::default(), now).map_err(|_| SecondStepError::Unavailable)?;
        let effect = TryEnvelopes { service: self.clone(), counters, granted };
        match perform_ending(&parts.journal, authorized, effect, Reserve::Left).await {
            Ok(Tried::Opened { .. }) => {
                tracing::error!("ALARM: somebody came in by the sealed envelopes of a break-glass account");
                opened.ok_or(SecondStepError::Refused)
            }
            Ok(Tried::Wait(wait)) => Err(SecondStepError::TooMany(wait)),
            Ok(Tried::Wrong | Tried::Elsewhere(_)) => {
                parts.settings.defences.watch(&parts.journal, &who, watched).await;
                Err(SecondStepError::Refused)
            }
            Err(error) => {
                tracing::warn!(%error, "a sign-in by envelopes could not be traced or stored");
                Err(SecondStepError::Unavailable)
            }
        }
    }

    /// Of their own: somebody who takes all the first steps of an address, or of an account, keeps nobody's envelopes shut there.
    fn envelope_pace(&self, pair: [u8; 32], address: ClientAddress, now: Time) -> Result<(), Duration> {
        let mut paces = self.0.envelope_pace.lock().unwrap_or_else(PoisonError::into_inner);
        let (each, all) = &mut *paces;
        each.step_of(pair, address.source(), now)?;
        all.step(address.source(), now)
    }

    fn unseal_envelopes(&self, text: &str) -> Option<Ceremony> {
        let sealed = BASE64URL_NOPAD.decode(text.get(..text.len().min(2048))?.as_bytes()).ok()?;
        let clear = self.0.keys.open(Purpose::Ceremonies(self.0.settings.door), CEREMONY, &sealed).ok()?;
        minicbor::decode(&clear).ok()
    }

    async fn grant_envelopes(
        &self,
        verified: SignIn<Verified>,
        row: AccountRow,
        (terminal, reason): (Terminal<'_>, &BreakGlassReason),
        now: Time,
    ) -> Result<GrantedByEnvelopes, SecondStepError> {
        let parts = &self.0;
        let failed = |error: StoreError| {
            tracing::warn!(%error, "a sign-in by envelopes cannot be prepared");
            SecondStepError::Unavailable
        };
        let rules = self.rules_of(&row).await.map_err(failed)?.limits();
        let longest = Duration::from_secs(BREAK_GLASS_SESSION_SECONDS_MAX);
        let limits = SessionLimits { idle: rules.idle, absolute: rules.absolute.min(longest) };
        let mut secrets = row.secrets(&parts.keys).map_err(failed)?;
        let kept = secrets.envelopes.as_mut().ok_or(SecondStepError::Unavailable)?;
        // Both serve no more, and those that wait for a second person go on waiting.
        let Serve { id: envelopes, .. } = kept.serve.take().ok_or(SecondStepError::Unavailable)?;
        let spent = row.bond().seal(&parts.keys, &secrets).map_err(|_| SecondStepError::Unavailable)?;
        let (id, secret) = random::<16>()
            .and_then(|id| Ok((SessionId::from_bytes(id), random::<32>()?)))
            .map_err(|_| SecondStepError::Unavailable)?;
        let session = verified.open((row.establishment, row.role), &parts.door_key, limits, (id, secret), now);
        let device: String = terminal.device.chars().filter(|c| !c.is_control()).take(DEVICE_CHARS_MAX).collect();
        let mut used =
            UseRow { session: id, account: row.id, establishment: row.establishment, sealed: vec![], review: None };
        let (address, reason) = (terminal.address.to_string(), reason.0.clone());
        let kept = UseSecrets { reason: reason.clone(), address, device: device.clone(), opened: now.micros() };
        used.sealed = used.seal(&parts.keys, &kept).map_err(|_| SecondStepError::Unavailable)?;
        let detail = format!("session {id}, envelopes {}: {reason}", EnvelopesId::from_bytes(envelopes));
        let letters = self.letters_to_administrators(&row, &device, now).await;
        let sign_in = LastSignIn { at: now, address: terminal.address };
        Ok(GrantedByEnvelopes { session, account: row, spent, used, letters, device, sign_in, detail })
    }

    /// The letters to those who manage accounts. Whoever comes in at night does not wait for them.
    async fn letters_to_administrators(&self, row: &AccountRow, device: &str, now: Time) -> Vec<LetterRow> {
        let parts = &self.0;
        let news = || News { device, ..News::default() };
        let stores = (&parts.store, &parts.keys);
        let letters = parts.writes.to_administrators(stores, row.establishment, (About::BreakGlass, news), now).await;
        letters.unwrap_or_else(|error: StoreError| {
            tracing::warn!(%error, "nobody can be told by mail that envelopes served");
            Vec::new()
        })
    }
}

struct GrantedByEnvelopes {
    session: NewSession,
    account: AccountRow,
    /// The account with its envelopes spent.
    spent: Vec<u8>,
    used: UseRow,
    letters: Vec<LetterRow>,
    device: String,
    sign_in: LastSignIn,
    detail: String,
}

struct TryEnvelopes {
    service: SignInService,
    counters: Counters,
    granted: Option<GrantedByEnvelopes>,
}

impl Effect<BreakGlass> for TryEnvelopes {
    type Output = Ending<Tried>;

    async fn apply(&self, tx: &mut WriteTx<'_, BreakGlass>) -> Result<Applied<Ending<Tried>>, StoreError> {
        let now = tx.now();
        // Again inside the transaction: of many attempts at once, the first failure makes the others wait.
        if self.granted.is_none()
            && let Some(wait) = self.counters.remaining(tx.connection(), now).await?
        {
            return Ok(Applied::refused(Ending::nothing(Tried::Wait(wait))));
        }
        let ended = match &self.granted {
            Some(granted) => granted.insert(&self.service, tx).await?,
            None => None,
        };
        match ended {
            Some(ended) => {
                self.counters.succeeded(tx.connection()).await?;
                Ok(Applied::done(Ending { outcome: Tried::Opened { closed: vec![], rehashed: false }, ended }))
            }
            None => {
                self.counters.failed(tx.connection(), now).await?;
                Ok(Applied::refused(Ending::nothing(Tried::Wrong)))
            }
        }
    }
}

impl GrantedByEnvelopes {
    fn opened(&self) -> Opened {
        let token = &self.session.token;
        Opened { cookie: token.to_cookie(), session: token.id(), account: self.account.id }
    }

    /// Keeps the session and the alarm, spends both envelopes, ends what the account had open; nothing of it if the account is
    /// not as it was read: of two nodes that are shown the same envelopes, one opens.
    async fn insert(
        &self,
        service: &SignInService,
        tx: &mut WriteTx<'_, BreakGlass>,
    ) -> Result<Option<Vec<SessionId>>, StoreError> {
        let (keys, account, door) = (&service.0.keys, &self.account, service.0.settings.door);
        let read = (account.id, account.version);
        let own: [&[u8]; 1] = [account.id.as_bytes()];
        let previous = account.last_sign_in.as_deref();
        let previous = previous.and_then(|sealed| LastSignIn::open(keys, last_sign_in_place(&own), sealed).ok());
        let sign_ins = account.signed_in(keys, self.sign_in, &self.device)?;
        let active = state_column(AccountState::Active);
        if !sql::record_other_sign_in(tx.connection(), read, sign_ins).await?
            || !sql::reseal_account(tx.connection(), read, self.spent.clone(), active).await?
        {
            return Ok(None);
        }
        let ended = end_sessions(tx.connection(), account.id, None).await?;
        let id = self.session.token.id();
        let place: [&[u8]; 2] = [id.as_bytes(), account.id.as_bytes()];
        let kept = SessionSecrets::new((previous, self.sign_in), self.device.clone(), AtOnce::default());
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
        insert_use(tx.connection(), &self.used, self.sign_in.at).await?;
        put(tx.connection(), &self.letters).await?;
        Ok(Some(ended))
    }
}

//! The two steps of a sign-in: a password, then a code.

use crate::{
    SignInService, accounts,
    attempts::{Counters, LoginTokens, Tried},
    codes::{spare_digest, typed_code},
    ending::{Reserve, is_in_use, perform_ending},
    enrol::normal_login,
    model::AccountRow,
    opening::{Granted, Spent, TryOpen},
    puzzles::Solved,
    rehash,
    service::{FirstStepError, Opened, SecondStepError, Terminal},
    sql,
};
use data_encoding::BASE64URL_NOPAD;
use identity::{Authenticated, Credentials, PasswordSeen, SheetCode, SignIn, Verified, door_actor};
use minicbor::{Decode, Encode};
use policy::{Facts, OpenSession};
use std::time::Duration;
use store::StoreError;
use types::{AccountId, ClientAddress, Secret, Time};
use vault::{Place, Purpose};
use zeroize::{Zeroize as _, Zeroizing};

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
    #[cbor(n(3), with = "minicbor::bytes")]
    login: [u8; 32],
    /// The password, where it is to be asked of the directory or hashed again; as long for everybody.
    #[cbor(n(4), with = "minicbor::bytes")]
    held: Vec<u8>,
}

impl Drop for Ceremony {
    fn drop(&mut self) {
        self.held.zeroize();
    }
}

/// What an account is looked for by.
#[derive(Clone, Copy)]
pub(crate) enum Known<'a> {
    /// The keyed token of its login.
    Login(&'a [u8; 32]),
    Id(AccountId),
}

const CEREMONY: Place<'static> = Place { table: "browser", column: "ceremony", row: &[] };

impl SignInService {
    /// The password step, with nothing solved.
    pub async fn first_step(
        &self,
        login: &str,
        password: Secret<String>,
        address: ClientAddress,
    ) -> Result<String, FirstStepError> {
        self.first_step_solved(login, password, Solved::default(), address).await
    }

    /// The password step. It answers alike for everybody; the ceremony it returns goes into the next form.
    pub async fn first_step_solved(
        &self,
        login: &str,
        password: Secret<String>,
        solved: Solved<'_>,
        address: ClientAddress,
    ) -> Result<String, FirstStepError> {
        let parts = &self.0;
        let now = parts.journal.now();
        let paced = self.pace(address, now);
        let login = normal_login(login.get(..login.len().min(256)).unwrap_or(""));
        let tokens = LoginTokens::new(&parts.keys, address, &login).map_err(|_| FirstStepError::Unavailable)?;
        let login_token = self.token(Purpose::LoginTokens, &[login.as_bytes()])?;
        let account = self.known_by(Known::Login(&login_token)).await?;
        // The same unsealing for a login that nobody has.
        let held = account.as_ref().unwrap_or(&parts.nobody);
        let is_home = held.is_home(&parts.keys, address.source(), now);
        let paced = if is_home { paced.or_else(|_| self.home_pace(tokens.pair, address, now)) } else { paced };
        if let Err(wait) = paced {
            self.refused(address, "too many first steps").await;
            return Err(FirstStepError::TooMany(wait));
        }
        if !is_home {
            self.puzzled(solved, address).await?;
        }
        let hasher = if is_home { &parts.home_hasher } else { &parts.hasher };
        let held = held.credentials(&parts.keys).map_err(|_| FirstStepError::Unavailable)?;
        let credentials = account.as_ref().map(|row| (row.id, held));
        let held = self.held(account.as_ref(), &password).map_err(|_| FirstStepError::Unavailable)?;
        let seen = hasher.run(move || {
            let known = credentials.as_ref().map(|(id, held)| (*id, held));
            SignIn::start(address, now).password(&password, known)
        });
        let seen = seen.await.map_err(|_| FirstStepError::Unavailable)?;
        let version = account.as_ref().unwrap_or(&parts.nobody).version.to_be_bytes();
        let (parked, login) = (seen.park(&parts.door_key), tokens.account);
        let ceremony = Ceremony { parked, pair: tokens.pair, version, login, held: held.to_vec() };
        let clear = Zeroizing::new(minicbor::to_vec(&ceremony).unwrap_or_default());
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
    pub(crate) async fn known_by(&self, what: Known<'_>) -> Result<Option<AccountRow>, FirstStepError> {
        let read = async {
            let mut connection = self.0.store.read().await?;
            match what {
                Known::Login(token) => sql::account_by_login(&mut connection, token).await,
                Known::Id(id) => sql::account_by_id(&mut connection, id).await,
            }
        };
        let account = read.await.map_err(|error: StoreError| {
            tracing::warn!(%error, "accounts cannot be read");
            FirstStepError::Unavailable
        })?;
        Ok(account.filter(|row| is_in_use(&self.0.journal, row) && self.0.settings.roles.contains(&row.role)))
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
        terminal: impl Into<Terminal<'_>>,
    ) -> Result<Opened, SecondStepError> {
        let terminal: Terminal<'_> = terminal.into();
        let (parts, address) = (&self.0, terminal.address);
        let now = parts.journal.now();
        let ceremony = self.unseal(ceremony).ok_or(SecondStepError::Lost)?;
        let seen =
            SignIn::unpark(&ceremony.parked, &parts.door_key, address, now).map_err(|_| SecondStepError::Lost)?;
        // Nobody's account is read like somebody's.
        let account = self.read_account(seen.account().unwrap_or(parts.nobody.id)).await?;
        let at_home = account.as_ref().is_some_and(|row| row.is_home(&parts.keys, address.source(), now));
        let tokens = LoginTokens { pair: ceremony.pair, account: ceremony.login };
        let counters = Counters::new(&parts.keys, &parts.settings.defences, address, (tokens, at_home))
            .map_err(|_| SecondStepError::Unavailable)?;
        let watched = (counters.from(), counters.login(), seen.account());
        if let Some(wait) = self.wait(&counters, now).await? {
            self.refused(address, "too early after failures").await;
            return Err(SecondStepError::TooMany(wait));
        }
        let held = account.as_ref().unwrap_or(&parts.nobody);
        let held = held.credentials(&parts.keys).map_err(|_| SecondStepError::Unavailable)?;
        let credentials = account.is_some().then_some(held);
        let code: String = code.chars().filter(|c| !c.is_whitespace()).take(16).collect();
        let target = seen.account();
        let seen = self.vouched(seen, account.as_ref(), (&ceremony.held, &code), address).await?;
        let (verified, spent) = self.second(seen, (account.as_ref(), credentials), &code).await?;
        let establishment = account.as_ref().map_or(parts.settings.establishment, |row| row.establishment);
        let granted = match (verified, account) {
            (Some(verified), Some(row)) if row.version.to_be_bytes() == ceremony.version => {
                let again = self.hashed_again(&row, &ceremony.held).await;
                Some(Granted { again, ..self.grant((verified, spent), row, terminal, now).await? })
            }
            _ => None,
        };
        let opened = granted.as_ref().map(|granted| Opened {
            cookie: granted.session.token.to_cookie(),
            session: granted.session.token.id(),
            account: granted.account.id,
        });
        let who = door_actor(parts.settings.door, address, Some(establishment), now);
        let action = OpenSession { establishment, account: target, door: parts.settings.door };
        let authorized =
            parts.policies.decide(&who, action, &Facts::default(), now).map_err(|_| SecondStepError::Unavailable)?;
        let effect = TryOpen { service: self.clone(), counters, granted };
        match perform_ending(&parts.journal, authorized, effect, Reserve::Left).await {
            Ok(Tried::Wrong) => {
                parts.settings.defences.watch(&parts.journal, &who, watched).await;
                Err(self.refusal())
            }
            Ok(tried) => self.told(tried, (&who, address), opened).await,
            Err(error) => {
                tracing::warn!(%error, "a sign-in could not be traced or stored");
                Err(SecondStepError::Unavailable)
            }
        }
    }

    /// Takes the second factor: by its length it is an application's code, one of a printed sheet, or a spare one. Whoever's
    /// account it is, or nobody's, as much is done.
    async fn second(
        &self,
        seen: SignIn<PasswordSeen>,
        (account, credentials): (Option<&AccountRow>, Option<Credentials>),
        code: &str,
    ) -> Result<(Option<SignIn<Verified>>, Option<Spent>), SecondStepError> {
        let now = self.0.journal.now();
        if let Some(code) = typed_code(code) {
            let whose = seen.account().unwrap_or(self.0.nobody.id);
            let (digest, is_there) = self.spare(whose, &code).await?;
            return Ok((seen.spare_code(is_there, now).ok(), Some(Spent::Spare(digest))));
        }
        let Some(code) = SheetCode::typed(code) else {
            return Ok((seen.code(code, credentials.as_ref(), now).ok(), None));
        };
        let used = self.sheet_code(account, &code, now).await.map_err(|error: StoreError| {
            tracing::warn!(%error, "printed codes cannot be read");
            SecondStepError::Unavailable
        })?;
        Ok((seen.sheet_code(used.is_some(), now).ok(), used.map(Spent::Sheet)))
    }

    /// What whoever gave a right password and code is told, and what is noted of it.
    async fn told(
        &self,
        tried: Tried,
        (who, address): (&Authenticated, ClientAddress),
        opened: Option<Opened>,
    ) -> Result<Opened, SecondStepError> {
        match tried {
            Tried::Opened { closed, rehashed } => {
                self.note_closed(address, closed).await;
                if let (true, Some(opened)) = (rehashed, opened.as_ref()) {
                    rehash::note(&self.0.journal, who, opened.account).await;
                }
                opened.ok_or(SecondStepError::Refused)
            }
            Tried::Elsewhere(other) => {
                self.refused(address, "another session of the account is there").await;
                Err(SecondStepError::Elsewhere(other))
            }
            Tried::Wait(wait) => Err(SecondStepError::TooMany(wait)),
            Tried::Wrong => Err(self.refusal()),
        }
    }

    fn unseal(&self, text: &str) -> Option<Ceremony> {
        let sealed = BASE64URL_NOPAD.decode(text.get(..text.len().min(2048))?.as_bytes()).ok()?;
        let clear = self.0.keys.open(Purpose::Ceremonies(self.0.settings.door), CEREMONY, &sealed).ok()?;
        minicbor::decode(&clear).ok()
    }

    pub(crate) async fn wait(&self, counters: &Counters, now: Time) -> Result<Option<Duration>, SecondStepError> {
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
        self.known_by(Known::Id(id)).await.map_err(|_| SecondStepError::Unavailable)
    }

    /// A spare code's token, and whether the account has it. Nobody's is looked for like somebody's.
    pub(crate) async fn spare(&self, whose: AccountId, code: &str) -> Result<([u8; 32], bool), SecondStepError> {
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
}

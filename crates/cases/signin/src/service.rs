//! What one door's sign-in is made of, and why it says no.

use crate::{
    at_once::OtherSession,
    defences::Defences,
    hasher::{Hasher, NotHashed},
    means::Means,
    model::AccountRow,
    outbox::{Writes, model::Post},
    pace::{
        ENVELOPE_STEPS_OF_SOURCE_PER_MINUTE_MAX, FIRST_STEPS_PER_MINUTE_MAX, HOME_STEPS_OF_SOURCE_PER_MINUTE_MAX,
        HOME_STEPS_PER_MINUTE_MAX, PASSKEYS_PER_MINUTE_MAX, Pace,
    },
    puzzles::{LOOKS_AT_ONCE, Puzzle, Used, WAITED_PER_MINUTE_MAX},
    staff::{Asked, Staff},
};
use identity::{
    DoorKey, PasswordHash, PasswordPolicy, Population, SessionLimits, WeakPassword, check_password, hash_password,
    vouching::Pins,
};
use journal::Journal;
use policy::Policies;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};
use store::Store;
use tokio::sync::Semaphore;
use types::{AccountId, ClientAddress, Door, EstablishmentId, Role, Secret, SessionId, Time};
use vault::{Keys, Purpose, VaultError, random};

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
    /// What this node's doors know together of those who guess.
    pub defences: Defences,
}

/// Why the first step was not taken.
#[derive(Debug, thiserror::Error)]
pub enum FirstStepError {
    /// Too many steps from this address.
    #[error("too many attempts; wait {} s", .0.as_secs())]
    TooMany(Duration),
    /// Many guess: a puzzle is to be solved first, or so long to be waited.
    #[error("many guess: a puzzle is to be solved first")]
    Puzzle {
        /// Another one.
        puzzle: Puzzle,
        /// What is to be waited, for whoever did not solve his and was too early.
        wait: Option<Duration>,
    },
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
    /// One session at a time is kept, and another one is there.
    #[error("another session of this account is open")]
    Elsewhere(OtherSession),
    /// Refused, while the hospital's directory does not answer: those whose password it keeps cannot sign in.
    #[error("the login, the password or the code is wrong, or the hospital's directory does not answer")]
    NoDirectory,
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
    /// One session at a time is kept, and its account opened another (acces-web AA8).
    #[error("another sign-in closed this session")]
    Closed(OtherSession),
    /// It cannot be known: a store does not answer.
    #[error("sessions cannot be read at present")]
    Unavailable,
    /// This session is honored, and its account's row does not hold what it must.
    #[error("the session's account cannot be read")]
    Broken(SessionId),
}

/// Where somebody signs in from, and on what.
#[derive(Debug, Clone, Copy)]
pub struct Terminal<'a> {
    /// Its address.
    pub address: ClientAddress,
    /// What its holder will recognize it by.
    pub device: &'a str,
    /// The session that its browser has already: the new one takes its place.
    pub former: Option<SessionId>,
}

impl<'a> From<(ClientAddress, &'a str)> for Terminal<'a> {
    fn from((address, device): (ClientAddress, &'a str)) -> Self {
        Self { address, device, former: None }
    }
}

/// A session just opened.
pub struct Opened {
    /// The cookie's value.
    pub cookie: String,
    /// Which session.
    pub session: SessionId,
    /// Whose.
    pub account: AccountId,
}

pub(crate) struct Parts {
    pub store: Store,
    pub journal: Journal,
    pub policies: Arc<Policies>,
    pub keys: Keys,
    pub door_key: DoorKey,
    pub settings: SignInSettings,
    pub hasher: Hasher,
    /// For those who wait for nobody else's failures.
    pub home_hasher: Hasher,
    pace: Mutex<Pace>,
    /// Of those at home, once their source's is taken: each login's there, and all of them together.
    home_pace: Mutex<(Pace<[u8; 32]>, Pace)>,
    /// Of envelopes: of each login at each source, and of each source. Their codes cost no hashing.
    pub envelope_pace: Mutex<(Pace<[u8; 32]>, Pace)>,
    /// Puzzles that served, and sources that wait instead of solving theirs.
    pub puzzles: Mutex<Used>,
    pub puzzle_looks: Semaphore,
    pub waited_pace: Mutex<Pace>,
    /// Of passkeys, whose check costs no hashing: who fills the other one keeps nobody from using his.
    passkey_pace: Mutex<Pace>,
    /// An account that nobody has, so that an unknown login costs what a known one does.
    pub nobody: AccountRow,
    /// Whom the passwords are asked of that are not kept here.
    pub staff: OnceLock<Arc<dyn Staff>>,
    pub asked: Asked,
    /// Set where administrators' decisions hold for sessions: the login of the probes' account.
    pub rules: OnceLock<Option<String>>,
    /// What tells people by mail of what happens to their accounts.
    pub writes: Writes,
    /// Which browsers were there, of sessions kept one at a time, since that was last written down.
    pub seen: Mutex<HashMap<SessionId, Time>>,
    /// What the signatures of links are verified by.
    pub pins: OnceLock<Pins>,
}

/// What is asked of a role's passwords, where the hospital asks that of its administrators'.
pub(crate) fn policy_of(role: Role, administrators: PasswordPolicy) -> PasswordPolicy {
    match Population::from(role) {
        Population::Administrators => administrators,
        other => PasswordPolicy::default_for(other),
    }
}

/// Sign-in of one door. Clones are handles.
#[derive(Clone)]
pub struct SignInService(pub(crate) Arc<Parts>, pub(crate) Option<Means>);

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
        let hasher = Hasher::for_strangers();
        let pace = Mutex::new(Pace::new(FIRST_STEPS_PER_MINUTE_MAX));
        let home_pace = (Pace::new(HOME_STEPS_PER_MINUTE_MAX), Pace::new(HOME_STEPS_OF_SOURCE_PER_MINUTE_MAX));
        let passkey_pace = Mutex::new(Pace::new(PASSKEYS_PER_MINUTE_MAX));
        let nobody = AccountRow::nobody(&keys, settings.establishment)?;
        let (staff, asked) = (OnceLock::new(), Asked::default());
        let parts = Parts {
            store,
            journal,
            policies,
            keys,
            door_key,
            settings,
            hasher,
            home_hasher: Hasher::for_homecomers(),
            pace,
            home_pace: Mutex::new(home_pace),
            envelope_pace: Mutex::new((
                Pace::new(HOME_STEPS_PER_MINUTE_MAX),
                Pace::new(ENVELOPE_STEPS_OF_SOURCE_PER_MINUTE_MAX),
            )),
            puzzles: Mutex::default(),
            puzzle_looks: Semaphore::new(LOOKS_AT_ONCE),
            waited_pace: Mutex::new(Pace::new(WAITED_PER_MINUTE_MAX)),
            passkey_pace,
            nobody,
            staff,
            asked,
            rules: OnceLock::new(),
            writes: Writes::default(),
            seen: Mutex::default(),
            pins: OnceLock::new(),
        };
        Ok(Self(Arc::new(parts), None))
    }

    /// Takes passkeys too: those of this same door.
    pub fn with_means(self, means: Means) -> Self {
        Self(self.0, Some(means))
    }

    /// With the hospital's directory, which keeps the passwords of some. Told once.
    pub fn with_staff(self, staff: Arc<dyn Staff>) -> Self {
        let _ = self.0.staff.set(staff);
        self
    }

    /// Tells people by mail of what happens to their accounts, here and by their means beside passwords. Told once.
    pub fn with_mail(self, post: Post) -> Self {
        self.0.writes.begin(post.clone());
        if let Some(means) = &self.1 {
            means.write_mail(post);
        }
        self
    }

    /// What this node's doors know together of those who guess.
    pub fn defences(&self) -> &Defences {
        &self.0.settings.defences
    }

    /// The means of identification beside passwords, where this door takes them.
    pub fn means(&self) -> Option<&Means> {
        self.1.as_ref()
    }

    /// What is asked of a new password, for this role.
    pub fn password_policy(&self, role: Role) -> PasswordPolicy {
        policy_of(role, self.0.settings.administrators_passwords)
    }

    /// Judges a new password and hashes it, on one of these threads. `personal` are the words that somebody who knows its owner
    /// tries first.
    pub(crate) async fn new_password(
        &self,
        hasher: &Hasher,
        password: Secret<String>,
        role: Role,
        personal: Vec<String>,
    ) -> Result<Result<PasswordHash, WeakPassword>, NotHashed> {
        let (policy, salt) = (self.password_policy(role), random().map_err(|_| NotHashed::Fault)?);
        let hashed = hasher.run(move || {
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

    /// The door that it is of.
    pub fn door(&self) -> Door {
        self.0.settings.door
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.0
    }

    /// One passkey shown by a source, or how long it waits.
    pub(crate) fn passkey_pace(&self, address: ClientAddress, now: Time) -> Result<(), Duration> {
        self.0.passkey_pace.lock().unwrap_or_else(PoisonError::into_inner).step(address.source(), now)
    }

    /// One first step of an account's login, from where it lately signed in, or how long it waits: who takes all steps of a
    /// shared address keeps those who live there from nothing.
    pub(crate) fn home_pace(&self, pair: [u8; 32], address: ClientAddress, now: Time) -> Result<(), Duration> {
        let mut paces = self.0.home_pace.lock().unwrap_or_else(PoisonError::into_inner);
        paces.0.step_of(pair, address.source(), now)?;
        paces.1.step(address.source(), now)
    }

    /// One step of a source that costs a password hashing, or how long it waits.
    pub(crate) fn pace(&self, address: ClientAddress, now: Time) -> Result<(), Duration> {
        self.0.pace.lock().unwrap_or_else(PoisonError::into_inner).step(address.source(), now)
    }
}

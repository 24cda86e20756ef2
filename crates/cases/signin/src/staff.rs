//! People whose password is kept elsewhere: by the hospital's directory. The second factor stays Poterne's.
//!
//! The password is asked of the directory in the second step, and only of somebody who shows a right code: nobody else can
//! have it count a wrong password, so nobody locks others out there through this door, and the first step tells nothing, by
//! its answer or by its time. A code has it asked once, right or wrong: however many ask at once, from wherever, that is one
//! question for each half minute and account. Until then the password travels with the sealed ceremony, as long for everybody.

use crate::{
    SignInService,
    codes::typed_code,
    model::{AccountRow, AccountSecrets},
    own::OwnError,
    passkeys::PasskeyRefused,
    provider::{Answering, Provider, Shown, Silent},
    service::SecondStepError,
};
use identity::{PasswordSeen, SignIn, TotpSecret, is_own_password, new_code_step};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use store::StoreError;
use types::{AccountId, ClientAddress, EstablishmentId, Role, Secret, Time};
use zeroize::Zeroizing;

/// Seconds that a code is for.
const CODE_STEP_SECONDS: u64 = 30;
/// Bytes of a password that is asked of the directory.
const HELD_PASSWORD_BYTES_MAX: usize = 512;

/// Between two questions of somebody who is signed in and gives his password again.
const OWN_PAUSE: Duration = Duration::from_secs(1);

/// Somebody of the hospital, as its directory knows him.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaffMember {
    /// What never changes of him.
    pub key: String,
    /// What he types.
    pub login: String,
    /// His first names; empty where they are not told.
    pub given_name: String,
    /// His family name.
    pub family_name: String,
    /// Neither disabled nor expired there.
    pub is_usable: bool,
    /// Where he comes in and as what, by the groups he is in; nowhere if none of them comes in.
    pub place: Option<(EstablishmentId, Role)>,
}

/// Whoever keeps the hospital's people and their passwords.
pub trait Staff: Provider<Person = StaffMember> {
    /// Somebody, if he is there.
    fn find<'a>(&'a self, key: &'a str, now: Time) -> Answering<'a, Option<StaffMember>>;

    /// Everybody whose groups come in, whole or not at all.
    fn members(&self, now: Time) -> Answering<'_, Vec<StaffMember>>;

    /// Somebody is no longer as he was: all are to be looked at again soon.
    fn look_again(&self);
}

/// Whom the directory was asked of, and when: in memory, one entry for each account of the directory that came here.
#[derive(Default)]
pub(crate) struct Asked(Mutex<HashMap<AccountId, Last>>);

/// The last questions about somebody: the step of the code that had the first kind asked, and when the second was.
#[derive(Debug, Clone, Copy, Default)]
struct Last {
    step: u64,
    own: Option<Time>,
}

impl Asked {
    /// Whether a code of this step may have it asked. It may once.
    fn by_code(&self, account: AccountId, step: u64) -> bool {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = asked.entry(account).or_default();
        let is_new = step > last.step;
        last.step = last.step.max(step);
        is_new
    }

    /// It did not say: the same code may have it asked again.
    fn unsaid(&self, account: AccountId, step: u64) {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = asked.get_mut(&account).filter(|last| last.step == step) {
            last.step = step.saturating_sub(1);
        }
    }

    /// Whether somebody signed in may have it asked now.
    fn by_holder(&self, account: AccountId, now: Time) -> bool {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = asked.entry(account).or_default();
        let is_early = last.own.is_some_and(|own| now >= own && now < own + OWN_PAUSE);
        if !is_early {
            last.own = Some(now);
        }
        !is_early
    }
}

impl SignInService {
    /// What of a password goes with the ceremony: the same length whatever it is, and nothing where it is checked here, unless
    /// it is to be hashed again once the code is right.
    pub(crate) fn held(
        &self,
        account: Option<&AccountRow>,
        password: &Secret<String>,
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let parts = self.parts();
        let secrets = account.unwrap_or(&parts.nobody).secrets(&parts.keys)?;
        let mut held = Zeroizing::new(vec![0; HELD_PASSWORD_BYTES_MAX + 2]);
        let text = password.expose().as_bytes();
        let length = u16::try_from(text.len()).ok().filter(|_| text.len() <= HELD_PASSWORD_BYTES_MAX);
        let is_asked_later = secrets.directory.is_some() || secrets.is_outdated();
        if let (Some(length), true) = (length, is_asked_later)
            && let Some((told, room)) = held.split_at_mut_checked(2)
            && let Some(room) = room.get_mut(..text.len())
        {
            told.copy_from_slice(&length.to_be_bytes());
            room.copy_from_slice(text);
        }
        Ok(held)
    }

    /// Asks the directory whether the password was right, where it keeps it and once the code is. Whoever has another place
    /// there than here is refused until his account has followed.
    pub(crate) async fn vouched(
        &self,
        seen: SignIn<PasswordSeen>,
        account: Option<&AccountRow>,
        (held, code): (&[u8], &str),
        address: ClientAddress,
    ) -> Result<SignIn<PasswordSeen>, SecondStepError> {
        let parts = self.parts();
        let row = account.unwrap_or(&parts.nobody);
        let secrets = row.secrets(&parts.keys).map_err(|_| SecondStepError::Unavailable)?;
        let Some(key) = &secrets.directory else { return Ok(seen) };
        let step = self.second_factor(row, &secrets, code).await?;
        let Some(step) = step.filter(|step| parts.asked.by_code(row.id, *step)) else {
            return Ok(seen.password_vouched(false));
        };
        let password = read_held(held).unwrap_or_else(|| Secret::new(String::new()));
        match self.ask_staff(key, password).await {
            Ok(Some(member)) if member.place == Some((row.establishment, row.role)) => Ok(seen.password_vouched(true)),
            Ok(_) => {
                if let Some(staff) = parts.staff.get() {
                    staff.look_again();
                }
                Ok(seen.password_vouched(false))
            }
            Err(silent) => {
                parts.asked.unsaid(row.id, step);
                tracing::warn!(%silent, "somebody cannot sign in: the hospital's directory does not say");
                self.refused(address, "the directory does not answer").await;
                Err(SecondStepError::NoDirectory)
            }
        }
    }

    /// Whether somebody gives his own password again, wherever it is kept.
    pub(crate) async fn is_own(&self, row: &AccountRow, current: Secret<String>) -> Result<bool, OwnError> {
        let parts = self.parts();
        match &row.secrets(&parts.keys)?.directory {
            None => {
                let held = row.credentials(&parts.keys)?;
                Ok(parts.home_hasher.run(move || is_own_password(&current, &held)).await?)
            }
            Some(_) if !parts.asked.by_holder(row.id, parts.journal.now()) => Err(OwnError::TooMany(OWN_PAUSE)),
            Some(key) => match self.ask_staff(key, current).await {
                Ok(member) => Ok(member.is_some()),
                Err(silent) => {
                    tracing::warn!(%silent, "a password could not be checked: the hospital's directory does not say");
                    Err(OwnError::Unavailable)
                }
            },
        }
    }

    /// Whether an account of the directory is still what its holder is there: he may come in without a password. Where envelopes
    /// open an account, nothing else does.
    pub(crate) async fn is_still_here(&self, row: &AccountRow) -> Result<bool, PasskeyRefused> {
        let parts = self.parts();
        let secrets = row.secrets(&parts.keys)?;
        if secrets.envelopes.is_some() {
            return Ok(false);
        }
        let Some(key) = &secrets.directory else { return Ok(true) };
        let Some(staff) = parts.staff.get() else { return Err(PasskeyRefused::NoDirectory) };
        let member = staff.find(key, parts.journal.now()).await.map_err(|silent| {
            tracing::warn!(%silent, "somebody cannot sign in: the hospital's directory does not say");
            PasskeyRefused::NoDirectory
        })?;
        let is_here = |member: &StaffMember| member.is_usable && member.place == Some((row.establishment, row.role));
        let is_here = member.as_ref().is_some_and(is_here);
        if !is_here {
            staff.look_again();
        }
        Ok(is_here)
    }

    /// Whether those whose password the hospital's directory keeps can sign in, as far as this node saw when it last asked.
    pub fn directory_answers(&self) -> bool {
        self.parts().staff.get().is_none_or(|staff| staff.answers())
    }

    /// What a refusal is called: while the directory does not answer everybody is told so, whoever he is.
    pub(crate) fn refusal(&self) -> SecondStepError {
        if self.directory_answers() { SecondStepError::Refused } else { SecondStepError::NoDirectory }
    }

    async fn ask_staff(&self, key: &str, password: Secret<String>) -> Result<Option<StaffMember>, Silent> {
        let silent = || Silent("no directory is configured at this door".to_owned());
        let staff = self.parts().staff.get().ok_or_else(silent)?;
        // An empty password is nobody's, whatever the directory makes of it.
        if password.expose().is_empty() {
            return Ok(None);
        }
        staff.identify(Shown::Password { of: key, password }, self.parts().journal.now()).await
    }

    /// The step of a code that is the account's and has not served; of a spare code, the present one. It is spent later, in
    /// the commit that opens the session.
    async fn second_factor(
        &self,
        row: &AccountRow,
        secrets: &AccountSecrets,
        code: &str,
    ) -> Result<Option<u64>, SecondStepError> {
        let now = self.parts().journal.now();
        match typed_code(code) {
            Some(spare) => {
                let is_there = self.spare(row.id, &spare).await?.1;
                Ok(is_there.then(|| u64::try_from(now.seconds()).unwrap_or(0) / CODE_STEP_SECONDS))
            }
            None => {
                let step = new_code_step(&TotpSecret::from_bytes(secrets.totp), code, now);
                Ok(step.filter(|step| *step > row.last_step))
            }
        }
    }
}

/// What of a password came with the ceremony; nothing if none did.
pub(crate) fn read_held(held: &[u8]) -> Option<Secret<String>> {
    let (told, text) = held.split_first_chunk::<2>()?;
    let text = text.get(..usize::from(u16::from_be_bytes(*told))).filter(|text| !text.is_empty())?;
    Some(Secret::new(std::str::from_utf8(text).ok()?.to_owned()))
}

//! The first administrator: the link that `init` drew becomes an account, and his passkey the first pinned key.

use crate::first_admin::{FirstAdministrator as Link, NotFirst};
use data_encoding::BASE32_NOPAD;
use desk::{BoxFuture, EnrolForm, EnrolOptions, EnrolRefused, FirstAdministrator};
use identity::{
    TotpSecret, check_password, code_fits,
    passkey::{PasskeyPublic, PasskeyRecord, RelyingParty, verify_registration},
};
use interventions::{PinnedKey, Pins};
use signin::{EnrolError, Enrolment, NewAccount, Prepared, Registration, SignInService};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use types::{AccountId, ClientAddress, Clock, EstablishmentId, Role, Secret, Time};
use vault::random;

/// How long a challenge serves.
const CHALLENGE_LIFE: Duration = Duration::from_secs(15 * 60);
/// Challenges at once: one person enrols; a reloaded page draws another.
const CHALLENGES_MAX: usize = 8;
/// What the passkey is called until its holder says otherwise.
const LABEL: &str = "premier administrateur";

/// A passkey that cannot be written is tried so often, at this distance: its account is there already.
const PASSKEY_TRIES: u32 = 5;
const PASSKEY_AGAIN: Duration = Duration::from_millis(300);

/// What an enrolment needs.
pub(super) struct Parts {
    pub link: Link,
    pub enrolment: Enrolment,
    pub signin: SignInService,
    pub pins: Pins,
    pub rp: RelyingParty,
    pub establishment: EstablishmentId,
    pub clock: Arc<dyn Clock>,
}

struct Shared {
    parts: Parts,
    challenges: Mutex<Vec<([u8; 32], Time)>>,
    /// One enrolment at a time: whoever waited finds a link that serves no more.
    making: tokio::sync::Mutex<()>,
}

/// Enrols the first administrator. Clones are handles.
#[derive(Clone)]
pub(super) struct Enroller(Arc<Shared>);

impl Enroller {
    pub(super) fn new(parts: Parts) -> Self {
        Self(Arc::new(Shared { parts, challenges: Mutex::default(), making: tokio::sync::Mutex::default() }))
    }

    /// Reads files, briefly.
    fn serves(&self, token: &str) -> bool {
        let parts = &self.0.parts;
        token.len() <= 128 && parts.link.check(token, parts.clock.now())
    }

    fn draw(&self) -> Option<EnrolOptions> {
        let (challenge, user, totp) = (random::<32>().ok()?, random::<16>().ok()?, random::<20>().ok()?);
        let now = self.0.parts.clock.now();
        let mut drawn = self.0.challenges.lock().unwrap_or_else(PoisonError::into_inner);
        drawn.retain(|(_, ends)| *ends > now);
        if drawn.len() >= CHALLENGES_MAX {
            drawn.remove(0);
        }
        drawn.push((challenge, now + CHALLENGE_LIFE));
        let totp_secret = Secret::new(BASE32_NOPAD.encode(&totp));
        Some(EnrolOptions { challenge, rp_id: self.0.parts.rp.id.clone(), user, totp_secret })
    }

    /// The passkey, if it answers one of the challenges drawn; they are spent.
    fn passkey(&self, answer: &Registration, now: Time) -> Option<PasskeyPublic> {
        let drawn = std::mem::take(&mut *self.0.challenges.lock().unwrap_or_else(PoisonError::into_inner));
        let rp = &self.0.parts.rp;
        let fits = |(challenge, ends): &([u8; 32], Time)| {
            let seen = verify_registration(rp, challenge, &answer.client_data_json, &answer.attestation_object);
            seen.ok().filter(|_| *ends > now)
        };
        drawn.iter().find_map(fits)
    }

    /// The key is pinned before the account is made: no administrator's account is ever there that is not pinned.
    async fn make(&self, token: &str, form: EnrolForm) -> Result<(), EnrolRefused> {
        let _one = self.0.making.lock().await;
        if !self.serves(token) {
            return Err(EnrolRefused::Link);
        }
        let parts = &self.0.parts;
        let now = parts.clock.now();
        let totp = BASE32_NOPAD.decode(form.totp_secret.expose().as_bytes()).ok();
        let totp = totp.and_then(|bytes| <[u8; 20]>::try_from(bytes).ok()).ok_or(EnrolRefused::Code)?;
        let totp = TotpSecret::from_bytes(totp);
        if !code_fits(&totp, form.code.trim(), now) {
            return Err(EnrolRefused::Code);
        }
        self.judge(&form).await?;
        let public = self.passkey(&form.passkey, now).ok_or(EnrolRefused::Passkey)?;
        let login = form.login.clone();
        let new = NewAccount {
            login: form.login,
            display_name: form.name,
            role: Role::Administrator,
            supplier: None,
            password: form.password,
            totp,
        };
        let prepared = self.prepared(&login, new).await?;
        let key = PinnedKey {
            credential: public.credential.clone(),
            public_key: public.public_key.to_cose(),
            account: prepared.account(),
            role: Role::Administrator,
            establishment: parts.establishment,
        };
        parts.link.pin(token, &key, now).map_err(|error| {
            tracing::error!(%error, "the first administrator's key was not pinned");
            if matches!(error, NotFirst::Io(_)) { EnrolRefused::Unavailable } else { EnrolRefused::Link }
        })?;
        self.create(&login, prepared, &key).await?;
        parts.link.settle();
        parts.pins.add(key.clone());
        self.keep(key.account, &PasskeyRecord { renewal: 0, public, label: LABEL.to_owned() }).await
    }

    /// Whether the hospital takes that password from an administrator; off the runtime's threads, it computes.
    async fn judge(&self, form: &EnrolForm) -> Result<(), EnrolRefused> {
        let policy = self.0.parts.signin.password_policy(Role::Administrator);
        let (login, name) = (form.login.clone(), form.name.clone());
        let password = Secret::new(form.password.expose().clone());
        let judged =
            tokio::task::spawn_blocking(move || check_password(&password, &policy, &[&login, &name, "poterne"]));
        judged.await.map_err(|_| EnrolRefused::Unavailable)?.map(drop).map_err(EnrolRefused::Password)
    }

    async fn prepared(&self, login: &str, new: NewAccount) -> Result<Prepared, EnrolRefused> {
        let parts = &self.0.parts;
        let prepared = async {
            match parts.enrolment.account_named(login).await? {
                Some(_) => Err(EnrolError::Taken),
                None => parts.enrolment.prepare(parts.establishment, new).await,
            }
        };
        prepared.await.map_err(|error| {
            tracing::warn!(%error, "the first administrator's account cannot be made");
            EnrolRefused::Account
        })
    }

    async fn create(&self, login: &str, prepared: Prepared, key: &PinnedKey) -> Result<(), EnrolRefused> {
        let parts = &self.0.parts;
        let Err(error) = parts.enrolment.create(prepared).await else { return Ok(()) };
        tracing::error!(%error, "the first administrator's account was not made");
        match parts.enrolment.account_named(login).await {
            // It is there all the same: what failed came after.
            Ok(Some((account, ..))) if account == key.account => Ok(()),
            Ok(_) => {
                if let Err(error) = parts.link.unpin(key) {
                    tracing::error!(%error, "the key of an account that was not made stays pinned; remove its file");
                }
                Err(EnrolRefused::Unavailable)
            }
            Err(error) => {
                tracing::error!(%error, "whether the account was made cannot be known; its key stays pinned");
                Err(EnrolRefused::Unavailable)
            }
        }
    }

    async fn keep(&self, account: AccountId, record: &PasskeyRecord) -> Result<(), EnrolRefused> {
        let mut tries = 1;
        while let Err(error) = self.0.parts.enrolment.passkey(account, record).await {
            tracing::error!(%error, tries, "the first administrator's passkey was not kept");
            if tries == PASSKEY_TRIES {
                return Err(EnrolRefused::Unavailable);
            }
            tries += 1;
            tokio::time::sleep(PASSKEY_AGAIN).await;
        }
        Ok(())
    }
}

impl FirstAdministrator for Enroller {
    fn begin<'a>(&'a self, token: &'a str, address: ClientAddress) -> BoxFuture<'a, Option<EnrolOptions>> {
        Box::pin(async move {
            if self.serves(token) {
                return self.draw();
            }
            self.0.parts.signin.stranger(address).await;
            None
        })
    }

    fn enrol<'a>(
        &'a self,
        token: &'a str,
        form: EnrolForm,
        address: ClientAddress,
    ) -> BoxFuture<'a, Result<(), EnrolRefused>> {
        Box::pin(async move {
            // In a task of its own: whoever leaves meanwhile leaves nothing half done.
            let (enroller, token) = (self.clone(), token.to_owned());
            let made = tokio::spawn(async move { enroller.make(&token, form).await }).await;
            let made = made.unwrap_or(Err(EnrolRefused::Unavailable));
            if made.is_err() {
                self.0.parts.signin.stranger(address).await;
            }
            made
        })
    }
}

#[cfg(test)]
mod tests;

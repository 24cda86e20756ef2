//! The first administrator: the link that `init` drew becomes an account, and his passkey the first pinned key.

use crate::first_admin::{FirstAdministrator as Link, NotFirst};
use data_encoding::BASE32_NOPAD;
use desk::{BoxFuture, EnrolForm, EnrolOptions, EnrolRefused, FirstAdministrator};
use identity::{
    TotpSecret, code_fits,
    passkey::{PasskeyRecord, RelyingParty, verify_registration},
};
use interventions::{PinnedKey, Pins};
use signin::{Enrolment, NewAccount, SignInService};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use types::{ClientAddress, Clock, EstablishmentId, Role, Secret, Time};
use vault::random;

/// How long a challenge serves.
const CHALLENGE_LIFE: Duration = Duration::from_secs(15 * 60);
/// Challenges at once: one person enrols; a reloaded page draws another.
const CHALLENGES_MAX: usize = 8;
/// What the passkey is called until its holder says otherwise.
const LABEL: &str = "premier administrateur";

/// What an enrolment needs.
pub(super) struct Enroller {
    pub link: Arc<Link>,
    pub enrolment: Enrolment,
    pub signin: SignInService,
    pub pins: Pins,
    pub rp: RelyingParty,
    pub establishment: EstablishmentId,
    pub clock: Arc<dyn Clock>,
    pub challenges: Mutex<Vec<([u8; 32], Time)>>,
}

impl Enroller {
    /// Reads files, briefly.
    fn serves(&self, token: &str) -> bool {
        token.len() <= 128 && self.link.check(token, self.clock.now())
    }

    fn draw(&self) -> Option<EnrolOptions> {
        let (challenge, user, totp) = (random::<32>().ok()?, random::<16>().ok()?, random::<20>().ok()?);
        let now = self.clock.now();
        let mut drawn = self.challenges.lock().unwrap_or_else(PoisonError::into_inner);
        drawn.retain(|(_, ends)| *ends > now);
        if drawn.len() >= CHALLENGES_MAX {
            drawn.remove(0);
        }
        drawn.push((challenge, now + CHALLENGE_LIFE));
        let totp_secret = Secret::new(BASE32_NOPAD.encode(&totp));
        Some(EnrolOptions { challenge, rp_id: self.rp.id.clone(), user, totp_secret })
    }

    async fn make(&self, token: &str, form: EnrolForm) -> Result<(), EnrolRefused> {
        if !self.serves(token) {
            return Err(EnrolRefused::Link);
        }
        let now = self.clock.now();
        let totp = BASE32_NOPAD.decode(form.totp_secret.expose().as_bytes()).ok();
        let totp = totp.and_then(|bytes| <[u8; 20]>::try_from(bytes).ok()).ok_or(EnrolRefused::Code)?;
        let totp = TotpSecret::from_bytes(totp);
        if !code_fits(&totp, form.code.trim(), now) {
            return Err(EnrolRefused::Code);
        }
        // One of the challenges drawn, once.
        let drawn = std::mem::take(&mut *self.challenges.lock().unwrap_or_else(PoisonError::into_inner));
        let fits = |(challenge, ends): &([u8; 32], Time)| {
            let answer = &form.passkey;
            let seen = verify_registration(&self.rp, challenge, &answer.client_data_json, &answer.attestation_object);
            seen.ok().filter(|_| *ends > now)
        };
        let public = drawn.iter().find_map(fits).ok_or(EnrolRefused::Passkey)?;
        let new = NewAccount {
            login: form.login,
            display_name: form.name,
            role: Role::Administrator,
            supplier: None,
            password: form.password,
            totp,
        };
        let account = self.enrolment.account(self.establishment, new).await.map_err(|error| {
            tracing::warn!(%error, "the first administrator's account was not made");
            EnrolRefused::Account
        })?;
        let key = PinnedKey {
            credential: public.credential.clone(),
            public_key: public.public_key.to_cose(),
            account,
            role: Role::Administrator,
            establishment: self.establishment,
        };
        let record = PasskeyRecord { public, label: LABEL.to_owned() };
        self.enrolment.passkey(account, &record).await.map_err(|error| {
            tracing::error!(%error, "the first administrator's passkey was not kept");
            EnrolRefused::Unavailable
        })?;
        self.link.pin(token, &key, now).map_err(|error| {
            tracing::error!(%error, "the first administrator's key was not pinned");
            if matches!(error, NotFirst::Io(_)) { EnrolRefused::Unavailable } else { EnrolRefused::Link }
        })?;
        self.pins.add(key);
        Ok(())
    }
}

impl FirstAdministrator for Enroller {
    fn begin<'a>(&'a self, token: &'a str, address: ClientAddress) -> BoxFuture<'a, Option<EnrolOptions>> {
        Box::pin(async move {
            if self.serves(token) {
                return self.draw();
            }
            self.signin.stranger(address).await;
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
            let made = self.make(token, form).await;
            if made.is_err() {
                self.signin.stranger(address).await;
            }
            made
        })
    }
}

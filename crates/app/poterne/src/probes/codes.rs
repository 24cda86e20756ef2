//! The reserved account of a door: what opens it, and its one-time codes, each used once.

use super::Fault;
use anyhow::{Context as _, Result};
use aws_lc_rs::hmac;
use data_encoding::HEXLOWER;
use std::{sync::Arc, time::Duration};
use tokio::{sync::Mutex, time::sleep};
use types::{Clock, Door, Secret, Time};
use vault::{Keys, Purpose};

/// A code's life, in seconds.
pub const STEP_SECONDS: u64 = 30;
/// What a refused sign-in costs, and a little.
pub const AFTER_REFUSAL: Duration = Duration::from_millis(2500);
/// Codes tried before giving up: one that another start of this node has used costs one.
const TRIES_MAX: u32 = 2;

/// What opens the reserved account of a door: derived from the vault, so kept nowhere.
pub struct Reserved {
    /// Its login.
    pub login: String,
    /// Its password.
    pub password: Secret<String>,
    /// Its second factor.
    pub totp: Secret<[u8; 20]>,
}

impl Reserved {
    /// With the prober's keys.
    pub fn new(keys: &Keys, door: Door) -> Result<Self> {
        Self::named(keys, door.to_string())
    }

    /// The account that has one session at a time where everybody has.
    pub fn alone(keys: &Keys, door: Door) -> Result<Self> {
        Self::named(keys, format!("{door}.seule"))
    }

    fn named(keys: &Keys, name: String) -> Result<Self> {
        let derived = |what: &[u8]| keys.token(Purpose::ProberCredentials, &[what, name.as_bytes()]);
        let password = HEXLOWER.encode(&derived(b"password 1")?);
        let mut totp = [0; 20];
        totp.copy_from_slice(derived(b"totp 1")?.get(..20).context("a token is longer")?);
        let login = format!("sonde.poterne.{name}");
        Ok(Self { login, password: Secret::new(password), totp: Secret::new(totp) })
    }

    /// Its code of a step (RFC 6238).
    pub fn code(&self, step: u64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, self.totp.expose());
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let bytes = tag.as_ref();
        let at = usize::from(bytes.last().copied().unwrap_or(0) & 15);
        let taken = bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).unwrap_or([0; 4]);
        format!("{:06}", (u32::from_be_bytes(taken) & 0x7fff_ffff) % 1_000_000)
    }
}

/// Which codes were used, and between which moments the account last signed in.
#[derive(Default)]
struct Past {
    step: Option<u64>,
    signed_in: Option<(Time, Time)>,
}

/// A reserved account, and which of its codes were used.
pub struct Codes {
    reserved: Reserved,
    clock: Arc<dyn Clock>,
    past: Mutex<Past>,
}

impl Codes {
    /// None was used.
    pub fn new(reserved: Reserved, clock: Arc<dyn Clock>) -> Self {
        Self { reserved, clock, past: Mutex::default() }
    }

    /// What opens the account.
    pub fn reserved(&self) -> &Reserved {
        &self.reserved
    }

    /// The time.
    pub fn now(&self) -> Time {
        self.clock.now()
    }

    /// Signs in with a code that was not used yet; gives what `with` gives, and when the account had signed in before.
    pub async fn sign_in<T, F: Future<Output = Result<Option<T>, Fault>>>(
        &self,
        with: impl Fn(String) -> F,
    ) -> Result<(T, Option<(Time, Time)>), Fault> {
        let mut past = self.past.lock().await;
        for attempt in 0..TRIES_MAX {
            if attempt > 0 {
                sleep(AFTER_REFUSAL).await;
            }
            let step = self.unused(past.step).await;
            past.step = Some(step);
            let began = self.clock.now();
            if let Some(opened) = with(self.reserved.code(step)).await? {
                let previous = past.signed_in.replace((began, self.clock.now()));
                return Ok((opened, previous));
            }
        }
        Err(Fault::unreachable("the reserved account cannot sign in"))
    }

    /// A step whose code would be taken now and was not used: this one or the next, waited for if need be.
    async fn unused(&self, last: Option<u64>) -> u64 {
        loop {
            let seconds = u64::try_from(self.clock.now().seconds()).unwrap_or(0);
            let step = seconds / STEP_SECONDS;
            match last {
                Some(last) if last > step => sleep(Duration::from_secs(STEP_SECONDS - seconds % STEP_SECONDS)).await,
                Some(last) if last == step => return step + 1,
                _ => return step,
            }
        }
    }
}

//! The reserved account of a door and its sign-ins: one for each round, which the probes of the round share.

use super::{
    Fault,
    browser::{Browser, Page},
    target::Target,
};
use anyhow::{Context as _, Result};
use aws_lc_rs::hmac;
use data_encoding::HEXLOWER;
use std::time::Duration;
use tokio::{
    sync::{Mutex, MutexGuard},
    time::{Instant, sleep},
};
use types::{Clock, Door, Secret, Time};
use vault::{Keys, Purpose};

/// A code's life, in seconds.
const STEP_SECONDS: u64 = 30;
/// A sign-in is not shared by the probes of another round.
const SHARED: Duration = Duration::from_secs(300);
/// What a wrong code costs, and a little.
const AFTER_REFUSAL: Duration = Duration::from_millis(2500);
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
        let name = door.to_string();
        let derived = |what: &[u8]| keys.token(Purpose::ProberCredentials, &[what, name.as_bytes()]);
        let password = HEXLOWER.encode(&derived(b"password 1")?);
        let mut totp = [0; 20];
        totp.copy_from_slice(derived(b"totp 1")?.get(..20).context("a token is longer")?);
        let login = format!("sonde.poterne.{door}");
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

/// A sign-in of the reserved account.
#[derive(Clone)]
pub struct Visit {
    /// The session's cookie.
    pub cookie: String,
    /// Between which moments the account had signed in before, if that is known.
    pub previous: Option<(Time, Time)>,
    since: Instant,
}

/// How a visit ended.
pub struct Left {
    /// The cookie that it had.
    pub cookie: String,
    /// The answer to signing out.
    pub page: Page,
    since: Instant,
}

/// The visits of the reserved account to one door.
pub struct Visits {
    /// With what it visits.
    pub browser: Browser,
    reserved: Reserved,
    clock: std::sync::Arc<dyn Clock>,
    past: Mutex<Past>,
    visit: Mutex<Option<Visit>>,
    left: Mutex<Option<Left>>,
}

impl Visits {
    /// None has begun.
    pub fn new(target: &Target, reserved: Reserved, clock: std::sync::Arc<dyn Clock>) -> Result<Self> {
        let browser = Browser::new(target)?;
        let (past, visit, left) = (Mutex::default(), Mutex::default(), Mutex::default());
        Ok(Self { browser, reserved, clock, past, visit, left })
    }

    /// Which door.
    pub fn door(&self) -> Door {
        self.browser.target().door
    }

    /// What opens the account.
    pub fn reserved(&self) -> &Reserved {
        &self.reserved
    }

    /// The time.
    pub fn now(&self) -> Time {
        self.clock.now()
    }

    /// This round's visit, begun if it has not.
    pub async fn visit(&self) -> Result<Visit, Fault> {
        let mut visit = self.visit.lock().await;
        if let Some(visit) = visit.as_ref().filter(|visit| visit.since.elapsed() < SHARED) {
            return Ok(visit.clone());
        }
        *visit = None;
        let (cookie, previous) = self.sign_in(|code| self.through_pages(code)).await?;
        let begun = Visit { cookie, previous, since: Instant::now() };
        *visit = Some(begun.clone());
        Ok(begun)
    }

    /// Ends this round's visit as a browser does, and notes how the door answered.
    pub async fn leave(&self) -> Result<MutexGuard<'_, Option<Left>>, Fault> {
        let mut left = self.left.lock().await;
        if left.as_ref().is_some_and(|left| left.since.elapsed() < SHARED) {
            return Ok(left);
        }
        let Visit { cookie, .. } = self.visit().await?;
        *self.visit.lock().await = None;
        let page = self.browser.get("/fr/session", Some(&cookie)).await.map_err(Fault::unreachable)?;
        let form = page.form("csrf").ok_or_else(|| Fault::broken("no page offers to sign out"))?;
        let page = self.browser.submit(&form, &[], Some(&cookie)).await.map_err(Fault::unreachable)?;
        *left = Some(Left { cookie, page, since: Instant::now() });
        Ok(left)
    }

    /// Forgets how the last visit ended: the next round sees for itself.
    pub async fn forget(&self) {
        *self.left.lock().await = None;
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

    /// The cookie, or nothing if the door refused.
    async fn through_pages(&self, code: String) -> Result<Option<String>, Fault> {
        let browser = &self.browser;
        let page = browser.get("/fr/", None).await.map_err(Fault::unreachable)?;
        let form = page.form("password").ok_or_else(|| Fault::unreachable("the home page offers no sign-in"))?;
        let typed = [("login", self.reserved.login.as_str()), ("password", self.reserved.password.expose())];
        let page = browser.submit(&form, &typed, None).await.map_err(Fault::unreachable)?;
        let form = page.form("code").ok_or_else(|| Fault::unreachable(format!("no code asked ({})", page.status)))?;
        let page = browser.submit(&form, &[("code", &code)], None).await.map_err(Fault::unreachable)?;
        match page.status {
            200..=399 => Ok(page.given(&browser.target().cookie).filter(|cookie| !cookie.is_empty())),
            _ => Ok(None),
        }
    }

    /// Whether a cookie opens this door's session page.
    pub async fn opens(&self, cookie: Option<&str>) -> Result<bool, Fault> {
        let page = self.browser.get("/fr/session", cookie).await.map_err(Fault::unreachable)?;
        match page.status {
            200 => Ok(true),
            300..=499 => Ok(false),
            status => Err(Fault::unreachable(format!("the session page answers {status}"))),
        }
    }
}

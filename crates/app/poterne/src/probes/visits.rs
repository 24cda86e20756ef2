//! The visits of the reserved account of a door: one for each round, which the probes of the round share.

use super::{
    Fault,
    browser::{Browser, Form, Page},
    codes::{AFTER_REFUSAL, Codes, Reserved, STEP_SECONDS},
    target::Target,
};
use anyhow::Result;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{Mutex, MutexGuard},
    time::{Instant, sleep},
};
use types::{Clock, Door, Time};

/// A sign-in is not shared by the probes of another round.
const SHARED: Duration = Duration::from_secs(300);
/// Nobody's: the reserved accounts' are drawn.
const WRONG_PASSWORD: &str = "pas celui de la sonde";
/// With that password no code is right.
const WRONG_CODE: &str = "000000";

/// A sign-in of the reserved account.
#[derive(Clone)]
pub struct Visit {
    /// The session's cookie.
    pub cookie: String,
    /// How the door gave it: the whole line.
    pub given: String,
    /// Between which moments the account had signed in before, if that is known.
    pub previous: Option<(Time, Time)>,
    /// Between which moments it signed in.
    pub signed_in: (Time, Time),
    since: Instant,
}

/// How a visit ended.
pub struct Left {
    /// The cookie that it had.
    pub cookie: String,
    /// The answer to signing out.
    pub page: Page,
    /// Between which moments it had signed in.
    pub signed_in: (Time, Time),
    /// Between which moments it signed out.
    pub signed_out: (Time, Time),
    since: Instant,
}

/// What became of one sign-in of several.
pub enum Second {
    /// A session, with its cookie.
    Opened(String),
    /// None.
    Refused {
        /// Whether the page says why, and offers to say that the other one was not his.
        told: bool,
    },
}

/// All that opened a session.
struct Sent {
    form: Form,
    code: String,
    cookie: String,
}

/// The visits of the reserved account to one door.
pub struct Visits {
    /// With what it visits.
    pub browser: Browser,
    codes: Arc<Codes>,
    visit: Mutex<Option<Visit>>,
    left: Mutex<Option<Left>>,
}

impl Visits {
    /// None has begun.
    pub fn new(target: &Target, reserved: Reserved, clock: Arc<dyn Clock>) -> Result<Self> {
        Self::sharing(target, Arc::new(Codes::new(reserved, clock)))
    }

    /// The same for an account that comes in elsewhere too: each code serves once.
    pub fn sharing(target: &Target, codes: Arc<Codes>) -> Result<Self> {
        let browser = Browser::new(target)?;
        Ok(Self { browser, codes, visit: Mutex::default(), left: Mutex::default() })
    }

    /// Which door.
    pub fn door(&self) -> Door {
        self.browser.target().door
    }

    /// What opens the account.
    pub fn reserved(&self) -> &Reserved {
        self.codes.reserved()
    }

    /// The time.
    pub fn now(&self) -> Time {
        self.codes.now()
    }

    /// This round's visit, begun if it has not.
    pub async fn visit(&self) -> Result<Visit, Fault> {
        let mut visit = self.visit.lock().await;
        if let Some(visit) = visit.as_ref().filter(|visit| visit.since.elapsed() < SHARED) {
            return Ok(visit.clone());
        }
        *visit = None;
        let began = self.now();
        let password = self.reserved().password.expose();
        let ((cookie, given), previous) = self.sign_in(|code| self.through_pages(password, code)).await?;
        let begun = Visit { cookie, given, previous, signed_in: (began, self.now()), since: Instant::now() };
        *visit = Some(begun.clone());
        Ok(begun)
    }

    /// Signs in by itself, whatever else is open.
    pub async fn again(&self) -> Result<Second, Fault> {
        self.again_with(self.reserved().password.expose()).await
    }

    /// The same with another password.
    pub async fn again_with(&self, password: &str) -> Result<Second, Fault> {
        let (second, _) = self.sign_in(|code| self.tries(password, code)).await?;
        Ok(second)
    }

    /// Nothing where the code was not right, so that another is tried.
    async fn tries(&self, password: &str, code: String) -> Result<Option<Second>, Fault> {
        let page = self.first_step(password).await?;
        let form = page.form("code").ok_or_else(|| Fault::unreachable(format!("no code asked ({})", page.status)))?;
        let page = self.browser.submit(&form, &[("code", &code)], None).await.map_err(Fault::unreachable)?;
        let given = page.given(&self.browser.target().cookie).filter(|cookie| !cookie.is_empty());
        Ok(match (page.status, given) {
            (200..=399, Some(cookie)) => Some(Second::Opened(cookie)),
            (422, _) => None,
            (409, _) => Some(Second::Refused { told: page.form("word").is_some() }),
            // It waits for other failures, or the door does not answer: nothing is said of sessions.
            (status, _) => return Err(Fault::unreachable(format!("the second step answers {status}"))),
        })
    }

    /// Ends this round's visit as a browser does, and notes how the door answered.
    pub async fn leave(&self) -> Result<MutexGuard<'_, Option<Left>>, Fault> {
        let mut left = self.left.lock().await;
        if left.as_ref().is_some_and(|left| left.since.elapsed() < SHARED) {
            return Ok(left);
        }
        let Visit { cookie, signed_in, .. } = self.visit().await?;
        *self.visit.lock().await = None;
        let began = self.now();
        let page = self.end(&cookie).await?;
        let signed_out = (began, self.now());
        *left = Some(Left { cookie, page, signed_in, signed_out, since: Instant::now() });
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
        self.codes.sign_in(with).await
    }

    /// Whether its password and a code that was not used open the account now. The code may serve once more, if they do not.
    pub async fn comes_in_now(&self) -> Result<bool, Fault> {
        let step = u64::try_from(self.now().seconds()).unwrap_or(0) / STEP_SECONDS;
        let code = self.reserved().code(step + 1);
        Ok(self.through_pages(self.reserved().password.expose(), code).await?.is_some())
    }

    /// Tries a password that is not the account's, through all the steps: the door must refuse it.
    pub async fn fail(&self) -> Result<(), Fault> {
        match self.through_pages(WRONG_PASSWORD, WRONG_CODE.to_owned()).await? {
            Some(_) => Err(Fault::broken("a wrong password opens the account")),
            None => Ok(()),
        }
    }

    /// Signs in, then at once sends again all that opened the session: whether that opens another. Signs out.
    pub async fn replay(&self) -> Result<bool, Fault> {
        let password = self.reserved().password.expose();
        let (sent, _) = self.sign_in(|code| self.sent(password, code)).await?;
        let again = self.browser.submit(&sent.form, &[("code", &sent.code)], None).await;
        self.end(&sent.cookie).await?;
        let again = again.map_err(Fault::unreachable)?;
        let given = again.given(&self.browser.target().cookie).filter(|cookie| !cookie.is_empty());
        match (again.status, given) {
            (_, Some(cookie)) => {
                self.end(&cookie).await?;
                Ok(true)
            }
            (422, None) => {
                // The account waits for it: whoever signs in next does not find that.
                sleep(AFTER_REFUSAL).await;
                Ok(false)
            }
            (status, None) => Err(Fault::unreachable(format!("what opened a session, sent again, answers {status}"))),
        }
    }

    /// What opened a session; nothing where the code was not right.
    async fn sent(&self, password: &str, code: String) -> Result<Option<Sent>, Fault> {
        let page = self.first_step(password).await?;
        let form = page.form("code").ok_or_else(|| Fault::unreachable(format!("no code asked ({})", page.status)))?;
        let page = self.browser.submit(&form, &[("code", &code)], None).await.map_err(Fault::unreachable)?;
        let given = page.given(&self.browser.target().cookie).filter(|cookie| !cookie.is_empty());
        Ok(given.map(|cookie| Sent { form, code, cookie }))
    }

    /// Signs out of a session, as a browser does.
    pub async fn end(&self, cookie: &str) -> Result<Page, Fault> {
        let page = self.browser.get("/fr/session", Some(cookie)).await.map_err(Fault::unreachable)?;
        let form = page.form("csrf").ok_or_else(|| Fault::broken("no page offers to sign out"))?;
        self.browser.submit(&form, &[], Some(cookie)).await.map_err(Fault::unreachable)
    }

    /// Whether the right password opens a session by itself. The sign-in is left there: no code is spent.
    pub async fn password_alone(&self) -> Result<bool, Fault> {
        let password = self.reserved().password.expose();
        let page = self.first_step(password).await?;
        let given = page.given(&self.browser.target().cookie).filter(|cookie| !cookie.is_empty());
        match (given, page.form("code")) {
            (Some(_), _) => Ok(true),
            (None, Some(_)) => Ok(false),
            (None, None) => Err(Fault::unreachable(format!("no code asked ({})", page.status))),
        }
    }

    /// What a wrong password for a login is answered, through all the steps: the status, and the seconds to wait where it
    /// tells them.
    pub async fn guess(&self, login: &str) -> Result<(u16, Option<u64>), Fault> {
        let page = self.first_step_of(login, WRONG_PASSWORD).await?;
        let form = page.form("code").ok_or_else(|| Fault::unreachable(format!("no code asked ({})", page.status)))?;
        let page = self.browser.submit(&form, &[("code", WRONG_CODE)], None).await.map_err(Fault::unreachable)?;
        Ok((page.status, page.header("retry-after").parse().ok()))
    }

    /// The page after a password.
    async fn first_step(&self, password: &str) -> Result<Page, Fault> {
        self.first_step_of(&self.reserved().login, password).await
    }

    async fn first_step_of(&self, login: &str, password: &str) -> Result<Page, Fault> {
        let page = self.browser.get("/fr/", None).await.map_err(Fault::unreachable)?;
        let mut form = page.form("password").ok_or_else(|| Fault::unreachable("the home page offers no sign-in"))?;
        // While others guess, the form asks for what a browser solves by itself.
        let puzzle =
            form.hidden.iter().find(|(name, _)| name == "puzzle").map(|(_, puzzle)| identity::solve_puzzle(puzzle));
        if let Some(solved) = puzzle {
            form.hidden
                .iter_mut()
                .filter(|(name, _)| name == "answer")
                .for_each(|(_, answer)| answer.clone_from(&solved));
        }
        let typed = [("login", login), ("password", password)];
        self.browser.submit(&form, &typed, None).await.map_err(Fault::unreachable)
    }

    /// The cookie and the line that gave it, or nothing if the door refused.
    async fn through_pages(&self, password: &str, code: String) -> Result<Option<(String, String)>, Fault> {
        let browser = &self.browser;
        let page = self.first_step(password).await?;
        let form = page.form("code").ok_or_else(|| Fault::unreachable(format!("no code asked ({})", page.status)))?;
        let page = browser.submit(&form, &[("code", &code)], None).await.map_err(Fault::unreachable)?;
        match page.status {
            200..=399 => {
                let name = &browser.target().cookie;
                let given = page.given(name).filter(|cookie| !cookie.is_empty());
                Ok(given.zip(page.line_of(name)))
            }
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

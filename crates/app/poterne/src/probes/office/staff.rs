//! The reserved administrator at the desk's pages, and the reserved person on call whose account he manages.

use super::{Key, visits};
use crate::probes::{
    Fault,
    browser::{Browser, Form, Page},
    codes::{Reserved, STEP_SECONDS},
    target::Target,
    visits::{Second, Visits},
};
use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use std::sync::Arc;
use types::{AccountId, Clock, Secret};
use vault::random;

/// The login of the person on call, whose account opens nothing but during a turn.
pub const GUARD: &str = signin::RESERVED_GUARD;
/// The login of an account that nobody takes into use.
pub const INVITED: &str = signin::RESERVED_INVITED;
const ACCOUNTS: &str = "/fr/accounts";
/// Accounts looked at for one login.
const FOUND_MAX: usize = 8;

/// The reserved administrator, signed in.
pub struct Administrator {
    /// His visits.
    pub visits: Visits,
    /// His session.
    pub cookie: String,
    /// His account.
    pub account: AccountId,
    target: Target,
    clock: Arc<dyn Clock>,
}

/// An account as its page shows it.
pub struct Sheet {
    /// Its path.
    pub path: String,
    /// The page.
    pub page: Page,
}

impl Administrator {
    /// Chooses means by the link, and signs in with them.
    pub async fn come_in(target: &Target, key: &Key, clock: &Arc<dyn Clock>) -> Result<Self, Fault> {
        let browser = Browser::new(target).map_err(Fault::unreachable)?;
        let reserved = choose(&browser, key.secret.expose(), (&key.login, clock)).await?;
        let visits = visits(target, reserved, clock)?;
        let cookie = session(&visits).await?;
        Ok(Self { visits, cookie, account: key.account, target: target.clone(), clock: clock.clone() })
    }

    /// A page, as he sees it.
    pub async fn get(&self, path: &str) -> Result<Page, Fault> {
        self.visits.browser.get(path, Some(&self.cookie)).await.map_err(Fault::unreachable)
    }

    /// What a form is answered.
    pub async fn submit(&self, form: &Form, typed: &[(&str, &str)]) -> Result<Page, Fault> {
        self.visits.browser.submit(form, typed, Some(&self.cookie)).await.map_err(Fault::unreachable)
    }

    /// The account of a login, if there is one.
    pub async fn account_of(&self, login: &str) -> Result<Option<Sheet>, Fault> {
        let list = self.get(&format!("{ACCOUNTS}?q={login}")).await?;
        if list.status != 200 {
            return Err(Fault::unreachable(format!("the accounts are answered {}", list.status)));
        }
        let start = format!("{ACCOUNTS}/");
        let paths = list.body.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
        let paths = paths.filter(|path| path.strip_prefix(&start).is_some_and(|id| id.parse::<AccountId>().is_ok()));
        for path in paths.take(FOUND_MAX) {
            let page = self.get(path).await?;
            if page.status == 200 && page.body.contains(&format!("<code>{login}</code>")) {
                return Ok(Some(Sheet { path: path.to_owned(), page }));
            }
        }
        Ok(None)
    }

    /// What opening an account with these fields is answered.
    pub async fn opens(&self, typed: &[(&str, &str)]) -> Result<Page, Fault> {
        let page = self.get(&format!("{ACCOUNTS}/new")).await?;
        let form = page.form("given_name").ok_or_else(|| Fault::unreachable("no page offers to open an account"))?;
        self.submit(&form, typed).await
    }

    /// The account of somebody whom he manages, which the node made.
    pub async fn managed(&self, login: &str) -> Result<Sheet, Fault> {
        let lost = || Fault::unreachable("an account that the node made is not on the list");
        self.account_of(login).await?.ok_or_else(lost)
    }

    /// Puts an account in another state, by its page.
    pub async fn put(&self, sheet: &Sheet, (state, reason): (&str, &str)) -> Result<(), Fault> {
        let path = format!("{}/state/{state}", sheet.path);
        let page = present(self.get(&path).await?)?;
        let form = page.form("reason").filter(|form| form.action == path);
        let form = form.ok_or_else(|| Fault::broken(format!("no page offers to make an account {state}")))?;
        let page = self.submit(&form, &[("reason", reason)]).await?;
        // Refused, it leads back with the reason.
        let refused = page.header("location").contains('?');
        if page.status != 303 || refused {
            return Err(Fault::broken(format!("an account is not made {state} ({})", page.status)));
        }
        Ok(())
    }

    /// Draws a link for an account: its secret.
    pub async fn draw(&self, sheet: &Sheet) -> Result<Secret<String>, Fault> {
        let form = sheet.page.form("proof").filter(|form| form.action == format!("{}/link", sheet.path));
        let form = form.ok_or_else(|| Fault::unreachable("no page offers a link for the account"))?;
        let page = self.submit(&form, &[("proof", "known")]).await?;
        let shown = page.body.split("<code class=\"secret\"").nth(1).and_then(|rest| rest.split("</code>").next());
        let secret = shown.and_then(|shown| shown.rsplit("/link/").next()).filter(|secret| !secret.contains('<'));
        let none = || Fault::unreachable(format!("no link is drawn ({})", page.status));
        secret.map(|secret| Secret::new(secret.to_owned())).ok_or_else(none)
    }

    /// Has the person on call choose means by a link.
    pub async fn choose_for_guard(&self, secret: &Secret<String>) -> Result<Visits, Fault> {
        let reserved = choose(&self.visits.browser, secret.expose(), (GUARD, &self.clock)).await?;
        visits(&self.target, reserved, &self.clock)
    }

    /// Blocks the account of the person on call, if it is there and not blocked.
    pub async fn block_guard(&self) -> Result<(), Fault> {
        match self.account_of(GUARD).await? {
            Some(sheet) if sheet.leads_to("/state/blocked") => self.put(&sheet, ("blocked", "asked")).await,
            _ => Ok(()),
        }
    }
}

impl Sheet {
    /// Whether its page leads there.
    pub fn leads_to(&self, end: &str) -> bool {
        self.page.body.contains(&format!("href=\"{}{end}\"", self.path))
    }
}

/// A page of somebody who is signed in, and of a desk that answers: what it does not offer is its own doing.
pub fn present(page: Page) -> Result<Page, Fault> {
    match page.status {
        401 | 500.. => Err(Fault::unreachable(format!("a page is answered {}", page.status))),
        _ => Ok(page),
    }
}

/// A session of whoever visits so.
pub async fn session(visits: &Visits) -> Result<String, Fault> {
    match visits.again().await? {
        Second::Opened(cookie) => Ok(cookie),
        Second::Refused { .. } => Err(Fault::unreachable("another session of the account is there")),
    }
}

/// A password that nobody chose, and that every policy takes.
pub fn drawn() -> Result<String, Fault> {
    let bytes: [u8; 48] = random().map_err(Fault::unreachable)?;
    Ok(format!("{}-aA1", BASE64URL_NOPAD.encode(&bytes)))
}

/// Chooses by a link what nobody else will know.
async fn choose(browser: &Browser, secret: &str, (login, clock): (&str, &Arc<dyn Clock>)) -> Result<Reserved, Fault> {
    let page = browser.get(&format!("/fr/link/{secret}"), None).await.map_err(Fault::unreachable)?;
    let form = page.form("totp_secret");
    let form = form.ok_or_else(|| Fault::unreachable(format!("a link that serves is answered {}", page.status)))?;
    let totp = form.hidden.iter().find(|(name, _)| name == "totp_secret");
    let totp = totp.and_then(|(_, text)| BASE32_NOPAD.decode(text.as_bytes()).ok());
    let totp = totp.and_then(|bytes| <[u8; 20]>::try_from(bytes).ok());
    let totp = Secret::new(totp.ok_or_else(|| Fault::unreachable("a link's page shows no second factor"))?);
    let reserved = Reserved { login: login.to_owned(), password: Secret::new(drawn()?), totp };
    // The step before this one: this one's code serves to sign in.
    let step = u64::try_from(clock.now().seconds()).unwrap_or(0) / STEP_SECONDS;
    let code = reserved.code(step.saturating_sub(1));
    let typed = [("password", reserved.password.expose().as_str()), ("code", code.as_str())];
    let page = browser.submit(&form, &typed, None).await.map_err(Fault::unreachable)?;
    match page.status {
        200 => Ok(reserved),
        status => Err(Fault::unreachable(format!("what is chosen by a link is answered {status}"))),
    }
}

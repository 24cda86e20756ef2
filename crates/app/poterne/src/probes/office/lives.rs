//! Accounts, what they may, and their sessions are managed: one that is suspended loses its session and comes in no more, one
//! that is given back comes in anew (segur IE.58).

use super::staff::{Administrator, GUARD, session};
use crate::probes::{Fault, Seen, codes::AFTER_REFUSAL, visits::Visits};
use types::Secret;

/// What the person on call may see, and what he may not.
const HIS: &str = "/fr/sessions";
const NOT_HIS: &str = "/fr/accounts";

/// Has the person on call come in, suspends him, and gives his account back.
pub async fn look(admin: &Administrator, link: &Secret<String>) -> Seen {
    let guard = admin.choose_for_guard(link).await?;
    let sheet = admin.managed(GUARD).await?;
    let cookie = session(&guard).await?;
    if !may(&guard, HIS, &cookie).await? {
        return Err(Fault::broken("an account in use may not do what its role may"));
    }
    if may(&guard, NOT_HIS, &cookie).await? {
        return Err(Fault::broken("an account may do what its role may not"));
    }
    admin.put(&sheet, ("suspended", "asked")).await?;
    if guard.opens(Some(&cookie)).await? || may(&guard, HIS, &cookie).await? {
        return Err(Fault::broken("the session of an account that was suspended goes on"));
    }
    if guard.comes_in_now().await? {
        return Err(Fault::broken("an account that is suspended comes in"));
    }
    tokio::time::sleep(AFTER_REFUSAL).await;
    admin.put(&sheet, ("active", "back")).await?;
    if guard.opens(Some(&cookie)).await? {
        return Err(Fault::broken("a session of before wakes up when its account is given back"));
    }
    let again = session(&guard).await?;
    if !may(&guard, HIS, &again).await? {
        return Err(Fault::broken("an account that was given back may not do what its role may"));
    }
    admin.put(&sheet, ("blocked", "asked")).await?;
    if guard.opens(Some(&again)).await? {
        return Err(Fault::broken("the session of an account that was blocked goes on"));
    }
    Ok("suspended, an account loses its session at once and comes in no more; given back, it comes in anew, and may do what \
        its role may; blocked, its session ends"
        .into())
}

/// Whether a page opens for whoever has this session.
async fn may(guard: &Visits, path: &str, cookie: &str) -> Result<bool, Fault> {
    let page = guard.browser.get(path, Some(cookie)).await.map_err(Fault::unreachable)?;
    match page.status {
        200 => Ok(true),
        300..=499 => Ok(false),
        status => Err(Fault::unreachable(format!("{path} is answered {status}"))),
    }
}

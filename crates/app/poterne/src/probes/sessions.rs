//! What a session shows and when it opens nothing any more: last sign-in (acces-web AA9), tokens (AA10), signing out
//! (AA12, segur IE.38).

use super::{
    Fault, Seen,
    browser::attribute,
    visits::{Visit, Visits},
};
use dossier::BoxFuture;
use types::{Lang, Time};

/// The home page shows the sign-in before.
pub fn last_sign_in(door: &Visits) -> BoxFuture<'_, Seen> {
    Box::pin(last_shown(door))
}

/// Altered, made-up and withdrawn tokens open nothing.
pub fn tokens(door: &Visits) -> BoxFuture<'_, Seen> {
    Box::pin(withdrawn_tokens(door))
}

/// The token dies with its session: the browser keeps it for no time of its own, and gives it to nobody else.
pub fn token_life(door: &Visits) -> BoxFuture<'_, Seen> {
    Box::pin(tokens_die(door))
}

/// Signing out ends the session and clears the browser.
pub fn sign_out(door: &Visits) -> BoxFuture<'_, Seen> {
    Box::pin(signed_out(door))
}

async fn last_shown(door: &Visits) -> Seen {
    let Visit { cookie, previous, .. } = door.visit().await?;
    let (from, _) = previous.ok_or_else(|| Fault::unreachable("the reserved account had not signed in before"))?;
    let now = door.now();
    for (path, is_home) in [("/fr/", true), ("/fr/session", false)] {
        let page = door.browser.get(path, Some(&cookie)).await.map_err(Fault::unreachable)?;
        let told = if is_home {
            page.body.split("class=\"last\"").nth(1).and_then(|rest| rest.split("</div>").next())
        } else {
            page.body.split("<dl").nth(1).and_then(|rest| rest.rsplit("<dt").next())
        };
        let Some(shown) = told.and_then(moment) else { continue };
        // Pages show whole seconds; another node may have signed in since.
        if shown.seconds() < from.seconds() || shown > now {
            return Err(Fault::broken("the last sign-in shown is not the one before"));
        }
        if !told.is_some_and(|told| told.contains(&web::when::full(shown, Lang::Fr))) {
            return Err(Fault::broken("the last sign-in is shown without its date and time"));
        }
        if is_home {
            return Ok("the home page shows the date and time of the sign-in before".into());
        }
        return Err(Fault::Partly("shown on the session's page, not on the home page".into()));
    }
    Err(Fault::broken("no page shows the last sign-in"))
}

fn moment(text: &str) -> Option<Time> {
    let tag = text.split_once("<time")?.1;
    let at: jiff::Timestamp = attribute(tag, "datetime")?.parse().ok()?;
    Some(Time::from_micros(at.as_microsecond()))
}

async fn withdrawn_tokens(door: &Visits) -> Seen {
    let Visit { cookie, .. } = door.visit().await?;
    if !door.opens(Some(&cookie)).await? {
        return Err(Fault::unreachable("the reserved account's own session opens nothing"));
    }
    let made_up = cookie.chars().map(|c| if c.is_ascii_digit() { '7' } else { 'b' }).collect::<String>();
    let altered = |at: usize| -> String {
        let turned = |c| if c == 'a' { 'b' } else { 'a' };
        cookie.chars().enumerate().map(|(place, c)| if place == at { turned(c) } else { c }).collect()
    };
    let last = cookie.chars().count().saturating_sub(1);
    let tries = [
        ("an altered token", Some(altered(last))),
        ("a token of another session", Some(altered(3))),
        ("a shortened token", Some(cookie.chars().take(last).collect())),
        ("a made-up token", Some(made_up)),
        ("no token", None),
    ];
    for (what, token) in tries {
        if door.opens(token.as_deref()).await? {
            return Err(Fault::broken(format!("{what} opens a session")));
        }
    }
    if !door.opens(Some(&cookie)).await? {
        return Err(Fault::broken("a wrong token ends somebody else's session"));
    }
    let left = door.leave().await?;
    let former = left.as_ref().map(|left| left.cookie.clone());
    drop(left);
    if door.opens(former.as_deref()).await? {
        return Err(Fault::broken("a withdrawn token opens a session"));
    }
    Ok("altered, made-up and withdrawn tokens open nothing".into())
}

async fn signed_out(door: &Visits) -> Seen {
    let left = door.leave().await?;
    let left_now = left.as_ref().ok_or_else(|| Fault::unreachable("the sign-out was lost"))?;
    let cookie = left_now.cookie.clone();
    let (status, cleared) = (left_now.page.status, left_now.page.header("clear-site-data").to_owned());
    let given = left_now.page.given(&door.browser.target().cookie);
    drop(left);
    // Whatever is found below, the next round looks anew.
    door.forget().await;
    if !(200..400).contains(&status) {
        return Err(Fault::broken(format!("signing out answers {status}")));
    }
    if door.opens(Some(&cookie)).await? {
        return Err(Fault::broken("the former token still opens the session"));
    }
    if !["cache", "cookies", "storage"].iter().all(|what| cleared.contains(&format!("\"{what}\""))) {
        return Err(Fault::Partly("the session ends, but the browser is not told to clear itself".into()));
    }
    if given.as_deref() != Some("") {
        return Err(Fault::Partly("the session ends, but the cookie is not taken back".into()));
    }
    Ok("signed out; the former token opens nothing and the browser is told to clear itself".into())
}

async fn tokens_die(door: &Visits) -> Seen {
    let Visit { given, .. } = door.visit().await?;
    let said: Vec<String> = given.split(';').skip(1).map(|part| part.trim().to_ascii_lowercase()).collect();
    let says = |word: &str| said.iter().any(|part| part.split('=').next() == Some(word));
    if says("max-age") || says("expires") {
        return Err(Fault::broken("the browser keeps the token past its own end"));
    }
    for word in ["httponly", "secure"] {
        if !says(word) {
            return Err(Fault::broken(format!("the token is given without {word}")));
        }
    }
    if !said.iter().any(|part| part == "samesite=strict" || part == "samesite=lax") {
        return Err(Fault::broken("another site's pages may send the token"));
    }
    Ok("the token is the session's own: it ends with it, or with the browser".into())
}

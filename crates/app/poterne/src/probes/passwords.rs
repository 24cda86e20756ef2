//! A password alone opens nothing, and one that is soon guessed is not taken, even from whoever knows the former one
//! (acces-web AA4).

use super::{
    Fault, Seen,
    visits::{Visit, Visits},
};
use dossier::BoxFuture;

const SESSION: &str = "/fr/session";
const CHANGE: &str = "/fr/account/password";
/// Long enough, and guessed at once: usual words, neighboring keys, a name and a date. Most have three kinds of characters.
const GUESSED: [&str; 3] = ["Motdepasse2026!", "Azertyuiop12345", "Jean-Pierre1965"];

/// Has the door's reserved account choose passwords that must not be taken.
pub fn look(door: &Visits) -> BoxFuture<'_, Seen> {
    Box::pin(looked(door))
}

async fn looked(door: &Visits) -> Seen {
    if door.password_alone().await? {
        return Err(Fault::broken("the right password opens a session without a code"));
    }
    let Visit { cookie, .. } = door.visit().await?;
    let page = door.browser.get(SESSION, Some(&cookie)).await.map_err(Fault::unreachable)?;
    let form = page.form("password").filter(|form| form.action == CHANGE);
    let form = form.ok_or_else(|| Fault::broken("no page offers to change one's password"))?;
    let own = door.reserved().password.expose();
    // His own login, twice: long enough, and the first thing that somebody tries.
    let login = &door.reserved().login;
    let login = format!("{login}-{login}");
    for guessed in GUESSED.into_iter().chain([login.as_str()]) {
        let typed = [("current", own.as_str()), ("password", guessed)];
        let page = door.browser.submit(&form, &typed, Some(&cookie)).await.map_err(Fault::unreachable)?;
        match page.status {
            422 => {}
            // The reserved account is as good as open: it is said before anything else is tried.
            200..=399 => return Err(Fault::broken("a password that is soon guessed is taken")),
            status => return Err(Fault::unreachable(format!("a new password is answered {status}"))),
        }
    }
    Ok("a password asks for a code besides, and one that is soon guessed is refused".into())
}

//! A professional's account is opened with the least that must be known of him, and is his alone (segur IE.33).

use super::staff::{Administrator, GUARD};
use crate::probes::{Fault, Seen};
use data_encoding::HEXLOWER;
use signin::NOBODYS_NUMBER;
use vault::random;

/// Asks to open accounts that must not be, each for one reason.
pub async fn look(admin: &Administrator) -> Seen {
    let drawn: [u8; 8] = random().map_err(Fault::unreachable)?;
    let login = format!("sonde.poterne.essai.{}", HEXLOWER.encode(&drawn));
    let whole = [
        ("given_name", "Sonde"),
        ("family_name", "de la Poterne (essai)"),
        ("login", login.as_str()),
        ("role", "on_call"),
        ("proof", "known"),
        ("profession", ""),
        ("rpps", ""),
    ];
    let tries = [
        ("given_name", "without first name", ""),
        ("family_name", "without family name", ""),
        ("proof", "without saying how the identity was verified", ""),
        ("login", "without login", ""),
        ("login", "with a login that another has", GUARD),
        ("rpps", "with a national number of ten digits", "1000000000"),
        ("rpps", "with a national number of letters", "1000000000x"),
        ("rpps", "with a national number that another has", NOBODYS_NUMBER),
    ];
    // So that a login is another's, and a number.
    let guard = admin.managed(GUARD).await?;
    if !guard.page.body.contains(NOBODYS_NUMBER) {
        return Err(Fault::unreachable("the reserved account is of before national numbers were compared: delete it"));
    }
    for (field, how, value) in tries {
        let typed = whole.map(|(name, text)| (name, if name == field { value } else { text }));
        let page = admin.opens(&typed).await?;
        match page.status {
            422 if page.body.contains(&format!("id=\"{field}-wrong\"")) => {}
            422 => return Err(Fault::broken(format!("an account {how} is refused, and the field is not named"))),
            200..=399 => {
                close(admin, &login).await?;
                return Err(Fault::broken(format!("an account {how} is opened")));
            }
            status => return Err(Fault::unreachable(format!("an account {how} is answered {status}"))),
        }
    }
    let own = |path: &str| path.rsplit('/').next().map(|id| format!("<code class=\"hash\">{id}</code>"));
    if !own(&guard.path).is_some_and(|own| guard.page.body.contains(&own)) {
        return Err(Fault::broken("an account shows no identifier of its own"));
    }
    Err(Fault::Partly(format!(
        "without name, verified identity or login, with another's login or national number or a malformed one no account is opened, \
         and the field is named; each account has an identifier of its own; {MISSING}"
    )))
}

const MISSING: &str =
    "accounts of professionals from outside are created by command, which asks for the same and no probe sees";

/// One that should not be there.
async fn close(admin: &Administrator, login: &str) -> Result<(), Fault> {
    match admin.account_of(login).await? {
        Some(sheet) => admin.put(&sheet, ("closed", "needless")).await,
        None => Ok(()),
    }
}

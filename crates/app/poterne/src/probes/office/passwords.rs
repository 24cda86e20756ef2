//! Which passwords administrators choose (segur IAM.92), and how one of them is changed and kept (clausier O-5.2).

use super::{
    Lends,
    staff::{Administrator, drawn},
};
use crate::probes::{Fault, Seen, codes::AFTER_REFUSAL, sealed::Kept, visits::Second};
use entrance::pages::refused_password;
use identity::{PasswordPolicy, check_password};
use std::sync::Arc;
use types::{Lang, Secret};
use vault::random;
use web::i18n::Text;

const SESSION: &str = "/fr/session";
const CHANGE: &str = "/fr/account/password";
/// Characters of a password that lacks nothing but a kind of them.
const LONG: usize = 24;

/// What a new password is answered.
enum Answer {
    Taken,
    Refused(String),
}

async fn choose(admin: &Administrator, password: &str) -> Result<Answer, Fault> {
    let page = super::staff::present(admin.get(SESSION).await?)?;
    let form = page.form("password").filter(|form| form.action == CHANGE);
    let form = form.ok_or_else(|| Fault::broken("no page offers to change one's password"))?;
    let own = admin.visits.reserved().password.expose();
    let page = admin.submit(&form, &[("current", own), ("password", password)]).await?;
    match page.status {
        422 => Ok(Answer::Refused(page.body)),
        200..=399 => Ok(Answer::Taken),
        status => Err(Fault::unreachable(format!("a new password is answered {status}"))),
    }
}

/// Signs drawn from some kinds of characters.
fn of_kinds(kinds: usize, count: usize) -> Result<String, Fault> {
    const KINDS: [&[u8]; 4] = [b"bcdfghjkmnpqrstvwxz", b"23456789", b"BCDFGHJKLMNPQRSTVWXZ", b"!#%*+-./:=?@"];
    let mut password = String::new();
    for place in 0..count {
        let kind = KINDS.iter().take(kinds.max(1)).cycle().nth(place).copied().unwrap_or_default();
        let [drawn]: [u8; 1] = random().map_err(Fault::unreachable)?;
        password.extend(kind.get(usize::from(drawn) % kind.len().max(1)).copied().map(char::from));
    }
    Ok(password)
}

/// Chooses what falls just short of what the hospital asks for, each for one reason.
pub async fn chosen(admin: &Administrator, policy: &PasswordPolicy) -> Seen {
    let (chars, classes) = (policy.chars_min(), policy.classes_min());
    let (length, kinds) = (usize::from(chars), usize::from(classes));
    let tries = [
        ("one character short", of_kinds(4, length.saturating_sub(1))?),
        ("one kind of characters short", of_kinds(kinds.saturating_sub(1), length.max(LONG))?),
    ];
    for (how, password) in tries {
        // In what words the door says it.
        let weak = check_password(&Secret::new(password.clone()), policy, &[]);
        let weak = weak.err().ok_or_else(|| Fault::unreachable(format!("{how}, a password is as asked")))?;
        let why = refused_password(weak, Text::new(Lang::Fr));
        match choose(admin, &password).await? {
            Answer::Taken => return Err(Fault::broken(format!("an administrator's password {how} is taken"))),
            Answer::Refused(page) if !page.contains(&why) => {
                return Err(Fault::broken(format!("an administrator's password {how} is refused without that reason")));
            }
            Answer::Refused(_) => {}
        }
    }
    let days = policy.expires_days().unwrap_or(0);
    Err(Fault::Partly(format!(
        "administrators' passwords of less than {chars} characters or {classes} kinds are refused, and told why; that another one \
         is asked for after {days} days is not tried"
    )))
}

/// Changes the password, then looks at what the former one opens, and at what is kept.
pub async fn changed(admin: &Administrator, kept: &Arc<Kept>, lends: &dyn Lends) -> Seen {
    let new = drawn()?;
    if let Answer::Refused(_) = choose(admin, &new).await? {
        return Err(Fault::broken("an administrator cannot change his password"));
    }
    let former = admin.visits.reserved().password.expose().clone();
    // Where one session is possible, the next one is refused beside this one.
    admin.visits.end(&admin.cookie).await?;
    if admin.visits.comes_in_now().await? {
        return Err(Fault::broken("the former password opens the account"));
    }
    tokio::time::sleep(AFTER_REFUSAL).await;
    match admin.visits.again_with(&new).await? {
        Second::Opened(_) => {}
        Second::Refused { .. } => return Err(Fault::unreachable("another session of the administrator is there")),
    }
    if !lends.keeps_hashed(admin.account).await? {
        return Err(Fault::broken(
            "what is kept of an administrator's password is no hash, or a weaker one than asked",
        ));
    }
    let kept = kept.clone();
    let looked = tokio::task::spawn_blocking(move || kept.holds_none(&[former, new])).await;
    looked.map_err(Fault::unreachable)??;
    Ok("an administrator changes his password, and the former one opens nothing; what is kept of it is Argon2id, sealed, and the \
        ends of the files that were looked at do not hold it"
        .into())
}

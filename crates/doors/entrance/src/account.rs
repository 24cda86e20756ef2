//! One's own account: what is open in one's name, and what one signs in with.

use crate::{
    Door, Member, Posted,
    factor::{FactorView, factor},
    pages::{
        AccountChanged, AccountProblem, Codes, OwnPasskeys, PasskeyEnrolling, SecondFactor, SecondFactorView, Session,
        SessionView,
    },
    passkey::enrolling,
    session::wait_seconds,
    shown,
};
use axum::{
    extract::{Path, Query, rejection::QueryRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use signin::{MeansError, OwnError};
use types::{Secret, SessionId};
use web::layout::{ErrorKind, page};

#[derive(Deserialize, Default)]
pub(crate) struct Done {
    #[serde(default)]
    done: String,
}

/// The page, with what was just done if the address says so.
pub(crate) async fn about<D: Door>(member: Member<D>, done: Result<Query<Done>, QueryRejection>) -> Response {
    let done = done.ok().and_then(|Query(done)| AccountChanged::from_word(&done.done));
    let problem = member.who.password_due.then_some(AccountProblem::Due);
    seen(&member, done, problem).await
}

pub(crate) async fn seen<D: Door>(
    member: &Member<D>,
    done: Option<AccountChanged>,
    problem: Option<AccountProblem>,
) -> Response {
    let (since, address) = (member.who.opened, member.visit.address);
    // Whoever came in by envelopes has this one session, and sees and keeps no means.
    if member.who.is_break_glass {
        let (others, recent) = (Vec::new(), Vec::new());
        let view = SessionView {
            since,
            address,
            others,
            recent,
            spare_codes: 0,
            sheet: None,
            link: None,
            passkeys: None,
            done: None,
            problem,
        };
        let chrome = member.visit.chrome(Some(&member.who), Some("/session"));
        return shown(member.visit.lang, &Session::new(chrome, view));
    }
    let own = match member.visit.entrance().signin().own_account(&member.who).await {
        Ok(own) => own,
        Err(error) => return unseen(member, error),
    };
    let others = own.sessions.into_iter().filter(|one| !one.is_this).collect();
    let passkeys = match own_passkeys(member).await {
        Ok(passkeys) => passkeys,
        Err(_) => return member.error(ErrorKind::JournalUnavailable),
    };
    let (spare_codes, sheet, link, recent) = (own.spare_codes, own.sheet, own.link, own.recent);
    let view = SessionView { since, address, others, recent, spare_codes, sheet, link, passkeys, done, problem };
    let chrome = member.visit.chrome(Some(&member.who), Some("/session"));
    let status = problem.map_or(StatusCode::OK, |problem| problem.status());
    let mut response = page(status, member.visit.lang, &Session::new(chrome, view));
    if let Some(AccountProblem::Wait { seconds }) = problem {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

async fn own_passkeys<D: Door>(member: &Member<D>) -> Result<Option<OwnPasskeys>, MeansError> {
    let Some(means) = member.visit.entrance().signin().means() else { return Ok(None) };
    let list = means.own(&member.who.authenticated).await?.passkeys;
    let enrolling = enrolling(member).await?.map(PasskeyEnrolling::from);
    Ok(Some(OwnPasskeys { list, enrolling, stale: !member.is_fresh() }))
}

fn unseen<D: Door>(member: &Member<D>, error: OwnError) -> Response {
    match error {
        OwnError::Lacking(lacking) => member.asked_for(lacking),
        OwnError::Denied => member.error(ErrorKind::NotFound),
        _ => member.error(ErrorKind::JournalUnavailable),
    }
}

/// What is told on the page itself; the rest is an error page.
fn problem(error: OwnError) -> Option<AccountProblem> {
    match error {
        OwnError::Wrong => Some(AccountProblem::Current),
        OwnError::TooMany(wait) => Some(AccountProblem::Wait { seconds: wait_seconds(wait) }),
        OwnError::Same => Some(AccountProblem::Same),
        OwnError::Code => Some(AccountProblem::Code),
        OwnError::Meanwhile => Some(AccountProblem::Meanwhile),
        OwnError::Directory => Some(AccountProblem::Directory),
        OwnError::Denied | OwnError::Lacking(_) | OwnError::Unavailable => None,
        OwnError::Password(bad) => Some(AccountProblem::Password(bad)),
    }
}

pub(crate) async fn answered<D: Door>(
    member: &Member<D>,
    result: Result<(), OwnError>,
    done: AccountChanged,
) -> Response {
    match result {
        Ok(()) => {
            let to = format!("/{}/session?done={}", member.visit.lang, done.word());
            Redirect::to(&to).into_response()
        }
        Err(error) => match problem(error) {
            Some(problem) => seen(member, None, Some(problem)).await,
            None => unseen(member, error),
        },
    }
}

/// The link that the page showed.
#[derive(Deserialize)]
pub(crate) struct SeenLink {
    link: String,
}

pub(crate) async fn allow_link<D: Door>(Posted { member, form }: Posted<D, SeenLink>) -> Response {
    let allowed = match form.link.parse() {
        Ok(link) => member.visit.entrance().signin().allow_link(&member.who, link).await,
        Err(_) => Err(OwnError::Meanwhile),
    };
    answered(&member, allowed, AccountChanged::LinkAllowed).await
}

#[derive(Deserialize)]
pub(crate) struct Passwords {
    current: String,
    password: String,
}

pub(crate) async fn password<D: Door>(Posted { member, form }: Posted<D, Passwords>) -> Response {
    let (current, new) = (Secret::new(form.current), Secret::new(form.password));
    let changed = member.visit.entrance().signin().change_password(&member.who, current, new).await;
    answered(&member, changed, AccountChanged::Password).await
}

/// The page that shows a second factor, drawn afresh each time.
pub(crate) async fn second_factor<D: Door>(member: Member<D>) -> Response {
    draw(&member, None)
}

fn draw<D: Door>(member: &Member<D>, problem: Option<AccountProblem>) -> Response {
    let totp = match member.visit.entrance().signin().draw_second_factor() {
        Ok(totp) => totp,
        Err(error) => return unseen(member, error),
    };
    let chrome = member.visit.chrome(Some(&member.who), Some("/account/second-factor"));
    let factor = FactorView::new(&totp, &chrome.establishment_name, &member.who.login);
    let status = problem.map_or(StatusCode::OK, |problem| problem.status());
    page(status, member.visit.lang, &SecondFactor::new(chrome, SecondFactorView { factor, problem }))
}

#[derive(Deserialize)]
pub(crate) struct Factor {
    current: String,
    totp_secret: String,
    code: String,
}

pub(crate) async fn replace_factor<D: Door>(Posted { member, form }: Posted<D, Factor>) -> Response {
    let Some(totp) = factor(&form.totp_secret) else { return member.error(ErrorKind::BadRequest) };
    let (signin, current) = (member.visit.entrance().signin(), Secret::new(form.current));
    match signin.change_second_factor(&member.who, current, (totp, &form.code)).await {
        Ok(()) => answered(&member, Ok(()), AccountChanged::SecondFactor).await,
        Err(error) => match problem(error) {
            Some(problem) => draw(&member, Some(problem)),
            None => unseen(&member, error),
        },
    }
}

#[derive(Deserialize)]
pub(crate) struct Current {
    current: String,
}

/// The codes are shown in the answer itself, once, and nowhere else.
pub(crate) async fn codes<D: Door>(Posted { member, form }: Posted<D, Current>) -> Response {
    let drawn = member.visit.entrance().signin().draw_spare_codes(&member.who, Secret::new(form.current)).await;
    match drawn {
        Ok(codes) => {
            let chrome = member.visit.chrome(Some(&member.who), Some("/session"));
            shown(member.visit.lang, &Codes::new(chrome, codes))
        }
        Err(error) => answered(&member, Err(error), AccountChanged::Sessions).await,
    }
}

#[derive(Deserialize)]
pub(crate) struct Plain {}

#[derive(Deserialize)]
pub(crate) struct Which {
    id: String,
}

/// One that is not there, or is not one's own, is ended already.
pub(crate) async fn end_one<D: Door>(Path(Which { id }): Path<Which>, posted: Posted<D, Plain>) -> Response {
    let member = posted.member;
    let ended = match id.parse::<SessionId>() {
        Ok(session) => member.visit.entrance().signin().end_other(&member.who, session).await,
        Err(_) => Ok(()),
    };
    answered(&member, ended, AccountChanged::Sessions).await
}

pub(crate) async fn end_others<D: Door>(Posted { member, .. }: Posted<D, Plain>) -> Response {
    let ended = member.visit.entrance().signin().end_others(&member.who).await;
    answered(&member, ended, AccountChanged::Sessions).await
}

/// What a browser says of itself, in two words that its holder recognizes: never more than that is kept.
pub(crate) fn device(headers: &HeaderMap) -> String {
    let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let first =
        |names: &[(&str, &'static str)]| names.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name);
    // Those that call themselves by another's name besides their own come first.
    let browser = first(&[
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("FxiOS/", "Firefox"),
        ("CriOS/", "Chrome"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ]);
    let system = first(&[
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ]);
    [browser, system].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_two_words() {
        let named = |agent: &'static str| {
            let headers = HeaderMap::from_iter([(header::USER_AGENT, HeaderValue::from_static(agent))]);
            device(&headers)
        };
        assert_eq!(named("Mozilla/5.0 (Android 16; Mobile; rv:150.0) Gecko/150.0 Firefox/150.0"), "Firefox, Android");
        let edge =
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/156.0.0.0 Safari/537.36 Edg/156.0";
        assert_eq!(named(edge), "Edge, Windows");
        let phone =
            "Mozilla/5.0 (iPhone; CPU iPhone OS 26_1 like Mac OS X) AppleWebKit/605 Version/26.1 Mobile Safari/604.1";
        assert_eq!(named(phone), "Safari, iPhone");
        assert_eq!(named("<script>"), "");
        assert_eq!(device(&HeaderMap::new()), "");
    }
}

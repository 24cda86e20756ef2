//! Signing in, in two steps; keeping one's session; signing out; addresses that lead nowhere.

use crate::{
    Door, Member, Preferred, Visit,
    account::device,
    other::other,
    pages::{CodeStep, CodeStepView, OtherWhy, SignInProblem, SignedOut, Then, Welcome, WelcomeView},
    shown,
    visit::Token,
};
use axum::{
    Form, Json,
    extract::rejection::FormRejection,
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{RETRY_AFTER, SET_COOKIE},
    },
    response::{IntoResponse, Redirect, Response},
};
use identity::SessionToken;
use serde::{Deserialize, Serialize};
use signin::{EndedBecause, FirstStepError, Opened, SecondStepError, SessionFault, Solved, Terminal};
use std::time::Duration;
use types::Secret;
use web::layout::{ErrorKind, page};

/// The address without a language.
pub(crate) async fn root(Preferred(lang): Preferred) -> Response {
    Redirect::to(&format!("/{lang}/")).into_response()
}

/// An address that leads nowhere.
pub(crate) async fn nowhere<D: Door>(member: Option<Member<D>>, visit: Visit<D>) -> Response {
    visit.error(ErrorKind::NotFound, member.as_ref().map(|member| &member.who))
}

#[derive(Deserialize)]
pub(crate) struct FirstForm {
    login: String,
    password: String,
    #[serde(default)]
    then: String,
    /// What was asked for with the form, while many guess.
    #[serde(default)]
    puzzle: String,
    #[serde(default)]
    answer: String,
}

pub(crate) async fn first_step<D: Door>(visit: Visit<D>, form: Result<Form<FirstForm>, FormRejection>) -> Response {
    let Ok(Form(form)) = form else { return visit.error(ErrorKind::BadRequest, None) };
    let (password, then) = (Secret::new(form.password), Then::from_word(&form.then));
    let solved = Solved { sealed: &form.puzzle, answer: &form.answer };
    match visit.entrance().signin().first_step_solved(&form.login, password, solved, visit.address).await {
        Ok(ceremony) => {
            let view = CodeStepView { ceremony, then, problem: None };
            let page = CodeStep::new(visit.chrome(None, Some("/")), view);
            shown(visit.lang, &page.taking_sheets(visit.entrance().signin().takes_sheets()))
        }
        Err(FirstStepError::TooMany(wait)) => {
            again(&visit, (StatusCode::TOO_MANY_REQUESTS, wait_problem(wait)), form.login, then).await
        }
        Err(FirstStepError::Puzzle { puzzle, wait }) => {
            let problem = SignInProblem::Puzzle { seconds: wait.map(wait_seconds) };
            let view = WelcomeView { puzzle: Some(puzzle), login: form.login, ..retry(&visit, problem, then) };
            welcome_again(&visit, StatusCode::PRECONDITION_REQUIRED, view)
        }
        Err(FirstStepError::Unavailable) => visit.error(ErrorKind::JournalUnavailable, None),
    }
}

/// Somebody reloads the second page: what it held is gone, the first is shown again.
pub(crate) async fn code_page<D: Door>(visit: Visit<D>) -> Response {
    Redirect::to(&format!("/{}/", visit.lang)).into_response()
}

#[derive(Deserialize)]
pub(crate) struct SecondForm {
    ceremony: String,
    code: String,
    #[serde(default)]
    then: String,
}

pub(crate) async fn second_step<D: Door>(
    visit: Visit<D>,
    former: Result<Option<Member<D>>, Response>,
    headers: HeaderMap,
    form: Result<Form<SecondForm>, FormRejection>,
) -> Response {
    let Ok(Form(form)) = form else { return visit.error(ErrorKind::BadRequest, None) };
    let (device, then) = (device(&headers), Then::from_word(&form.then));
    let terminal = terminal(&visit, &former, &device);
    let problem = match visit.entrance().signin().second_step_on(&form.ceremony, &form.code, terminal).await {
        Ok(session) => return opened(&visit, former, session, then).await,
        Err(SecondStepError::Elsewhere(session)) => return other(&visit, OtherWhy::Open, session).await,
        Err(SecondStepError::Unavailable) => return visit.error(ErrorKind::JournalUnavailable, None),
        Err(SecondStepError::NoDirectory) => (StatusCode::SERVICE_UNAVAILABLE, SignInProblem::Directory),
        Err(SecondStepError::Refused) => (StatusCode::UNPROCESSABLE_ENTITY, SignInProblem::Credentials),
        Err(SecondStepError::TooMany(wait)) => (StatusCode::TOO_MANY_REQUESTS, wait_problem(wait)),
        Err(SecondStepError::Lost) => (StatusCode::BAD_REQUEST, SignInProblem::Expired),
    };
    again(&visit, problem, String::new(), then).await
}

/// Where somebody comes from, on what, and with which session of his.
pub(crate) fn terminal<'a, D: Door>(
    visit: &Visit<D>,
    former: &Result<Option<Member<D>>, Response>,
    device: &'a str,
) -> Terminal<'a> {
    let former = former.as_ref().ok().and_then(|former| former.as_ref().map(|former| former.who.session));
    Terminal { address: visit.address, device, former }
}

/// Gives the browser its session. Its holder's one before ends: who proves again who he is goes on under a new name.
pub(crate) async fn opened<D: Door>(
    visit: &Visit<D>,
    former: Result<Option<Member<D>>, Response>,
    session: Opened,
    then: Option<Then>,
) -> Response {
    let Ok(cookie) = visit.entrance().cookie().set(&session.cookie) else {
        return visit.error(ErrorKind::Internal, None);
    };
    if let Some(former) = former.ok().flatten().filter(|former| former.who.account == session.account) {
        visit.entrance().signin().end(&former.who, EndedBecause::Asked).await;
    }
    let mut response =
        Redirect::to(&format!("/{}{}", visit.lang, then.as_ref().map_or("/", Then::path))).into_response();
    response.headers_mut().append(SET_COOKIE, cookie);
    response
}

pub(crate) fn wait_problem(wait: Duration) -> SignInProblem {
    SignInProblem::Wait { seconds: wait_seconds(wait) }
}

/// Rounded up: who waits as long as told may try.
pub(crate) fn wait_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

pub(crate) async fn again<D: Door>(
    visit: &Visit<D>,
    (status, problem): (StatusCode, SignInProblem),
    login: String,
    then: Option<Then>,
) -> Response {
    let puzzle = visit.entrance().signin().puzzle(visit.address).await;
    welcome_again(visit, status, WelcomeView { login, puzzle, ..retry(visit, problem, then) })
}

fn retry<D: Door>(visit: &Visit<D>, problem: SignInProblem, then: Option<Then>) -> WelcomeView {
    let directory_silent = !visit.entrance().signin().directory_answers();
    WelcomeView {
        problem: Some(problem),
        passkey: visit.ask_passkey(),
        then,
        directory_silent,
        ..WelcomeView::default()
    }
}

fn welcome_again<D: Door>(visit: &Visit<D>, status: StatusCode, view: WelcomeView) -> Response {
    let problem = view.problem;
    let mut response = page(status, visit.lang, &Welcome::new(visit.chrome(None, Some("/")), visit.greeting(), view));
    if let Some(SignInProblem::Wait { seconds } | SignInProblem::Puzzle { seconds: Some(seconds) }) = problem {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

#[derive(Serialize)]
struct Kept {
    seconds_left: u64,
}

/// Being asked is enough to prolong the session: honoring it did.
pub(crate) async fn keep<D: Door>(member: Member<D>, form: Result<Form<Token>, FormRejection>) -> Response {
    if !genuine(&member, form) {
        return member.visit.error(ErrorKind::FormExpired, Some(&member.who));
    }
    let now = member.visit.entrance().now();
    Json(Kept { seconds_left: member.who.idle_until.since(now).as_secs() }).into_response()
}

pub(crate) async fn end<D: Door>(
    member: Result<Option<Member<D>>, Response>,
    visit: Visit<D>,
    headers: HeaderMap,
    form: Result<Form<Token>, FormRejection>,
) -> Response {
    match member {
        Ok(Some(member)) => {
            if !genuine(&member, form) {
                return member.visit.error(ErrorKind::FormExpired, Some(&member.who));
            }
            visit.entrance().signin().end(&member.who, EndedBecause::Asked).await;
        }
        Ok(None) => {}
        // Signing out does not wait for the database: the form's token alone proves whose session it is.
        Err(unavailable) => {
            let cookie = visit.entrance().cookie().read(&headers).ok().flatten();
            // One that another sign-in closed is over already: the page says so, and takes the cookie back.
            if let Some(cookie) = cookie
                && let Err(SessionFault::Closed(_)) = visit.entrance().signin().honored(cookie, visit.address).await
            {
                return unavailable;
            }
            let session = cookie.and_then(|cookie| cookie.parse::<SessionToken>().ok()).map(|token| token.id());
            let csrf = visit.entrance().csrf();
            match (session, form) {
                (Some(session), Ok(Form(form))) if csrf.check(&session, &form.csrf).is_ok() => {
                    visit.entrance().signin().end_unread(session, visit.address).await;
                }
                _ => return unavailable,
            }
        }
    }
    visit.clear_cookie(shown(visit.lang, &SignedOut::new(visit.chrome(None, Some("/")))))
}

fn genuine<D: Door>(member: &Member<D>, form: Result<Form<Token>, FormRejection>) -> bool {
    form.is_ok_and(|Form(form)| member.served(&form.csrf))
}

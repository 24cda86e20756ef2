//! Passkeys at every door: coming in with one, adding one to one's account, removing one; and proving again who one is,
//! which whoever adds means of identification is asked for.

use crate::{
    Door, Member, Posted, Visit,
    account::{self, device},
    other::other,
    pages::{AccountChanged, AccountProblem, Again, AgainView, AskedFor, OtherWhy, PasskeyForm, SignInProblem, Then},
    session::{again, opened, terminal, wait_problem},
    shown,
};
use axum::{
    Form,
    extract::{Path, Query, rejection::FormRejection, rejection::QueryRejection},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use data_encoding::BASE64URL_NOPAD;
use identity::{Assurance, passkey::Assertion};
use policy::Lacking;
use serde::Deserialize;
use signin::{Means, MeansError, PasskeyOptions, PasskeyRefused, Registration};
use web::layout::{Chrome, ErrorKind};

/// What is not base64url reads as empty, and fits nothing.
fn bytes(text: &str) -> Vec<u8> {
    BASE64URL_NOPAD.decode(text.as_bytes()).unwrap_or_default()
}

impl<D: Door> Visit<D> {
    /// What a page asks of a passkey, where this door takes them.
    pub(crate) fn ask_passkey(&self) -> Option<PasskeyForm> {
        let asked = self.entrance().signin().ask_passkey(self.address)?;
        let challenge = BASE64URL_NOPAD.encode(&asked.challenge);
        Some(PasskeyForm { challenge, rp: asked.rp.id, ceremony: asked.ceremony })
    }
}

impl<D: Door> Member<D> {
    /// Whether he proved lately who he is; whoever did not is sent to prove it again, and comes back to `then`.
    pub fn is_fresh(&self) -> bool {
        self.who.authenticated.is_fresh(self.visit.entrance().now())
    }

    /// The way to prove again who he is, for whoever wants to add means and did not lately.
    pub fn proves_again(&self, then: Then) -> Option<Response> {
        (!self.is_fresh()).then(|| Redirect::to(&self.proof_path(Lacking::Fresh, &then)).into_response())
    }

    /// The page on which he gives the proof that he lacks, and from which he comes back.
    fn proof_path(&self, lacking: Lacking, then: &Then) -> String {
        let with = match lacking {
            Lacking::Fresh => "",
            Lacking::Passkey => "&with=passkey",
        };
        format!("/{}/session/again?then={}{with}", self.visit.lang, then.word())
    }

    /// Whoever came in by a passkey proves it by a passkey again: by less, he would lose what it opens.
    fn as_firm(&self, lacking: Lacking) -> Lacking {
        match self.who.authenticated.assurance() {
            Assurance::Passkey => Lacking::Passkey,
            _ => lacking,
        }
    }

    /// Whoever may have what he asks for, once he has proved more firmly, or again, who he is, is told how.
    pub fn asked_for(&self, lacking: Lacking) -> Response {
        let lacking = self.as_firm(lacking);
        let then = self.visit.back.clone().map_or(Then::Account, Then::Page);
        Redirect::to(&self.proof_path(lacking, &then)).into_response()
    }

    /// The frame of a page that shows less than it would to the same person with more proof.
    pub fn chrome_lacking(&self, lacking: Option<Lacking>) -> Chrome {
        let then = self.visit.back.clone().map_or(Then::Account, Then::Page);
        Chrome { more_proof: lacking.map(|one| self.proof_path(self.as_firm(one), &then)), ..self.chrome() }
    }
}

#[derive(Deserialize)]
pub(crate) struct Signed {
    ceremony: String,
    credential: String,
    client_data_json: String,
    authenticator_data: String,
    signature: String,
    #[serde(default)]
    then: String,
}

pub(crate) async fn sign_in<D: Door>(
    visit: Visit<D>,
    former: Result<Option<Member<D>>, Response>,
    headers: HeaderMap,
    form: Result<Form<Signed>, FormRejection>,
) -> Response {
    let Ok(Form(form)) = form else { return visit.error(ErrorKind::BadRequest, None) };
    let assertion = Assertion {
        credential: bytes(&form.credential),
        client_data_json: bytes(&form.client_data_json),
        authenticator_data: bytes(&form.authenticator_data),
        signature: bytes(&form.signature),
    };
    let (device, then) = (device(&headers), Then::from_word(&form.then));
    let signin = visit.entrance().signin();
    let problem = match signin.passkey_sign_in(&form.ceremony, &assertion, terminal(&visit, &former, &device)).await {
        Ok(session) => return opened(&visit, former, session, then).await,
        Err(PasskeyRefused::Elsewhere(session)) => return other(&visit, OtherWhy::Open, session).await,
        Err(PasskeyRefused::Unavailable) => return visit.error(ErrorKind::JournalUnavailable, None),
        Err(PasskeyRefused::Refused) => (StatusCode::UNPROCESSABLE_ENTITY, SignInProblem::Passkey),
        Err(PasskeyRefused::NoDirectory) => (StatusCode::SERVICE_UNAVAILABLE, SignInProblem::Directory),
        Err(PasskeyRefused::Lost) => (StatusCode::BAD_REQUEST, SignInProblem::Expired),
        Err(PasskeyRefused::TooMany(wait)) => (StatusCode::TOO_MANY_REQUESTS, wait_problem(wait)),
    };
    again(&visit, problem, String::new(), then).await
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Where {
    then: String,
    /// "passkey" where no other means is enough.
    with: String,
}

/// The page on which somebody signed in proves again who he is.
pub(crate) async fn prove<D: Door>(member: Member<D>, to: Result<Query<Where>, QueryRejection>) -> Response {
    // Envelopes serve once: whoever came in by them has nothing else to prove anything with.
    if member.who.is_break_glass {
        return member.error(ErrorKind::NotFound);
    }
    let Where { then, with } = to.map(|Query(to)| to).unwrap_or_default();
    let asked = match with == "passkey" {
        false => AskedFor::Any,
        true => match asked_of(&member).await {
            Ok(asked) => asked,
            Err(_) => return member.error(ErrorKind::JournalUnavailable),
        },
    };
    let then = Then::from_word(&then).unwrap_or(Then::Account);
    let (login, passkey) = (member.who.login.clone(), member.visit.ask_passkey());
    let chrome = member.visit.chrome(Some(&member.who), Some("/session"));
    shown(member.visit.lang, &Again::new(chrome, AgainView { login, then, passkey, asked }))
}

#[derive(Deserialize)]
pub(crate) struct Enrolled {
    label: String,
    client_data_json: String,
    attestation_object: String,
}

fn means<D: Door>(member: &Member<D>) -> Option<&Means> {
    member.visit.entrance().signin().means()
}

/// Where a passkey is asked for: the one that somebody has, one that waits for him to allow it again, or one to add, where he
/// may.
async fn asked_of<D: Door>(member: &Member<D>) -> Result<AskedFor, MeansError> {
    let Some(means) = means(member) else { return Ok(AskedFor::PasskeyToAskFor) };
    let passkeys = means.own(&member.who.authenticated).await?.passkeys;
    if passkeys.iter().any(|one| one.opens) {
        return Ok(AskedFor::Passkey);
    }
    let may_add = !matches!(
        means.begin_passkey(&member.who.authenticated).await,
        Err(MeansError::Denied | MeansError::Lacking(Lacking::Passkey))
    );
    Ok(match (may_add, passkeys.is_empty()) {
        (false, _) => AskedFor::PasskeyToAskFor,
        (true, true) => AskedFor::PasskeyToAdd,
        (true, false) => AskedFor::PasskeyToAllow,
    })
}

pub(crate) async fn enrol<D: Door>(Posted { member, form }: Posted<D, Enrolled>) -> Response {
    if let Some(again) = member.proves_again(Then::Account) {
        return again;
    }
    let Some(means) = means(&member) else { return member.error(ErrorKind::NotFound) };
    let registration = Registration {
        client_data_json: bytes(&form.client_data_json),
        attestation_object: bytes(&form.attestation_object),
    };
    let enrolled = means.finish_passkey(&member.who.authenticated, &registration, &form.label).await;
    answered(&member, enrolled.map(drop), AccountChanged::PasskeyAdded).await
}

#[derive(Deserialize)]
pub(crate) struct Plain {}

#[derive(Deserialize)]
pub(crate) struct Which {
    id: String,
}

/// After one's means were changed: this one is mine, let it open my sessions again.
pub(crate) async fn allow<D: Door>(Path(Which { id }): Path<Which>, posted: Posted<D, Plain>) -> Response {
    let member = posted.member;
    if let Some(again) = member.proves_again(Then::Account) {
        return again;
    }
    let Some(means) = means(&member) else { return member.error(ErrorKind::NotFound) };
    let allowed = means.allow_passkey(&member.who.authenticated, &bytes(&id)).await;
    answered(&member, allowed, AccountChanged::PasskeyAllowed).await
}

/// One that is not there, or is not one's own, is removed already.
pub(crate) async fn remove<D: Door>(Path(Which { id }): Path<Which>, posted: Posted<D, Plain>) -> Response {
    let member = posted.member;
    let Some(means) = means(&member) else { return member.error(ErrorKind::NotFound) };
    let removed = match means.remove_passkey(&member.who.authenticated, &bytes(&id)).await {
        Err(MeansError::Absent) => Ok(()),
        other => other,
    };
    answered(&member, removed, AccountChanged::PasskeyRemoved).await
}

async fn answered<D: Door>(member: &Member<D>, result: Result<(), MeansError>, done: AccountChanged) -> Response {
    let problem = match result {
        Ok(()) => return Redirect::to(&format!("/{}/session?done={}", member.visit.lang, done.word())).into_response(),
        Err(MeansError::Unavailable) => return member.error(ErrorKind::JournalUnavailable),
        Err(MeansError::Lacking(lacking)) => return member.asked_for(lacking),
        Err(MeansError::Denied | MeansError::Absent) => return member.error(ErrorKind::NotFound),
        Err(MeansError::Label(_)) => AccountProblem::Label,
        Err(MeansError::Full) => AccountProblem::Full,
        Err(MeansError::Lost) => AccountProblem::Lost,
        Err(_) => AccountProblem::Passkey,
    };
    account::seen(member, None, Some(problem)).await
}

/// What a page needs to add a passkey, if one may be added now.
pub(crate) async fn enrolling<D: Door>(member: &Member<D>) -> Result<Option<PasskeyOptions>, MeansError> {
    let Some(means) = means(member).filter(|_| member.is_fresh()) else { return Ok(None) };
    match means.begin_passkey(&member.who.authenticated).await {
        Ok(options) => Ok(Some(options)),
        // The page has more than this to show, and somebody who may not add one still keeps, ends and disowns.
        Err(MeansError::Full | MeansError::Unavailable | MeansError::Denied | MeansError::Lacking(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

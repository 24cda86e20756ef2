//! The handlers, by the part of the address that they serve.

pub(crate) mod accounts;
pub(crate) mod break_glass;
pub(crate) mod correcting;
pub(crate) mod enrol;
pub(crate) mod equipment;
pub(crate) mod home;
pub(crate) mod interventions;
pub(crate) mod means;
pub(crate) mod oversight;
pub(crate) mod retention;
pub(crate) mod rights;
pub(crate) mod session_rules;
pub(crate) mod sessions;
pub(crate) mod sheets;
pub(crate) mod traces;

use crate::{
    DeskState,
    pages::{Challenge, Refusal},
};
use ::interventions::{Assertion, InterventionError, Signed, TermsToSign};
use axum::{
    extract::{FromRequestParts, Path, Query, rejection::QueryRejection},
    http::request::Parts,
    response::{IntoResponse, Redirect, Response},
};
use data_encoding::BASE64URL_NOPAD;
use entrance::Failure;
use journal::JournalError;
use serde::Deserialize;
use std::{convert::Infallible, str::FromStr};
use web::layout::ErrorKind;

/// What an answer that the journal did not give is to whoever asked.
pub(crate) fn of_journal(error: &JournalError) -> Failure {
    match error {
        JournalError::Revoked => Failure::Ended,
        error if error.is_fault() => Failure::Fault,
        _ => Failure::Shown(ErrorKind::JournalUnavailable),
    }
}

/// A request to the desk.
pub(crate) type Visit = entrance::Visit<DeskState>;
/// A request to the desk with a session.
pub(crate) type Member = entrance::Member<DeskState>;
/// A form of the desk's own pages.
pub(crate) type Posted<F> = entrance::Posted<DeskState, F>;

/// The identifiers in an address. What cannot be decoded names nothing, and is answered like any other that does not.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Named {
    pub id: String,
    pub number: String,
    pub to: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        Ok(Path::from_request_parts(parts, state).await.map_or_else(|_| Self::default(), |Path(named)| named))
    }
}

impl Named {
    /// The identifier. What is none names nothing, and costs what a made-up identifier costs.
    pub(crate) fn id<T: FromStr>(&self, of: fn([u8; 16]) -> T) -> T {
        self.id.parse().unwrap_or_else(|_| of([0; 16]))
    }

    /// The channel's number; zero is none.
    pub(crate) fn number(&self) -> u32 {
        self.number.parse().unwrap_or(0)
    }
}

/// A query that cannot be read is as good as none: what it chooses has defaults.
pub(crate) fn or_default<T: Default>(query: Result<Query<T>, QueryRejection>) -> T {
    query.map(|Query(read)| read).unwrap_or_default()
}

/// A query as handlers take it.
pub(crate) type Asking<T> = Result<Query<T>, QueryRejection>;

/// Why what was asked before was not done, as the address says it.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Before {
    pub problem: Option<String>,
}

impl Before {
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        let word = self.problem.as_deref()?;
        Refusal::ALL.into_iter().find(|refusal| refusal.word() == word)
    }
}

/// The page for what the service could not give.
pub(crate) async fn failed(member: &Member, error: InterventionError) -> Response {
    let failure = match &error {
        InterventionError::NotFound => Failure::Shown(ErrorKind::NotFound),
        InterventionError::Lacking(lacking) => Failure::Lacking(*lacking),
        InterventionError::Ended => Failure::Ended,
        InterventionError::Invalid(_) | InterventionError::Conflict | InterventionError::BadSignature => {
            Failure::Shown(ErrorKind::BadRequest)
        }
        InterventionError::Unavailable(_) => Failure::Shown(ErrorKind::JournalUnavailable),
        InterventionError::Fault(_) => Failure::Fault,
    };
    member.failed(failure, &error).await
}

/// What can be told on the page that asked.
pub(crate) fn told(error: &InterventionError) -> Option<Refusal> {
    match error {
        InterventionError::Conflict => Some(Refusal::Conflict),
        InterventionError::BadSignature => Some(Refusal::Signature),
        InterventionError::Invalid(_) => Some(Refusal::Invalid),
        _ => None,
    }
}

/// Back to a page of the desk, `path` being what follows `/{lang}`.
pub(crate) fn back(member: &Member, path: &str, refusal: Option<Refusal>) -> Response {
    let lang = member.visit.lang;
    match refusal {
        None => Redirect::to(&format!("/{lang}{path}")).into_response(),
        Some(refusal) => Redirect::to(&format!("/{lang}{path}?problem={}", refusal.word())).into_response(),
    }
}

/// The answer to an act: back to the page that shows what became of it.
pub(crate) async fn acted(member: &Member, path: &str, done: Result<(), InterventionError>) -> Response {
    match done {
        Ok(()) => back(member, path, None),
        Err(error) => match told(&error) {
            Some(refusal) => back(member, path, Some(refusal)),
            None => failed(member, error).await,
        },
    }
}

/// A signature as the page's form carries it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct SignatureForm {
    pub nonce: String,
    pub credential: String,
    pub client_data_json: String,
    pub authenticator_data: String,
    pub signature: String,
}

impl SignatureForm {
    /// What is not base64url was not made by our page: it reads as empty, and fits nothing. A page never asks for the
    /// demonstration's own signature.
    pub(crate) fn read(&self) -> Signed {
        Signed::Assertion { nonce: self.nonce.clone(), assertion: self.assertion() }
    }

    fn assertion(&self) -> Assertion {
        let bytes = |text: &str| BASE64URL_NOPAD.decode(text.as_bytes()).unwrap_or_default();
        Assertion {
            credential: bytes(&self.credential),
            client_data_json: bytes(&self.client_data_json),
            authenticator_data: bytes(&self.authenticator_data),
            signature: bytes(&self.signature),
        }
    }
}

/// What is to be signed, for the page.
pub(crate) fn challenge(to_sign: &TermsToSign) -> Challenge {
    let credentials: Vec<String> = to_sign.credentials.iter().map(|one| BASE64URL_NOPAD.encode(one)).collect();
    let terms: Option<serde_json::Value> = serde_json::from_slice(&to_sign.bytes).ok();
    let terms = terms.and_then(|terms| serde_json::to_string_pretty(&terms).ok());
    Challenge {
        challenge: BASE64URL_NOPAD.encode(&to_sign.challenge),
        credentials: credentials.join(","),
        nonce: to_sign.nonce.clone(),
        terms: terms.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invariant_that_broke_closes_the_session_and_a_silence_does_not() {
        let broken = [
            JournalError::Fault,
            JournalError::OutOfScope,
            JournalError::TooMany,
            JournalError::Malformed("an entry".to_owned()),
        ];
        for error in broken {
            assert!(matches!(of_journal(&error), Failure::Fault), "{error}");
        }
        for error in [JournalError::Unsettled, JournalError::Expired] {
            assert!(matches!(of_journal(&error), Failure::Shown(ErrorKind::JournalUnavailable)), "{error}");
        }
        assert!(matches!(of_journal(&JournalError::Revoked), Failure::Ended));
    }
}

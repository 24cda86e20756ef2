//! The one route of a witness. Who asks is nobody in particular: the checkpoint's signature is all that counts.

use super::rate::Rate;
use axum::{
    Extension, Router,
    body::{Body, to_bytes},
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::post,
};
use journal::witness::{Answer, REQUEST_BYTES_MAX, Witness};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use store::SystemClock;
use types::{ClientAddress, Clock as _};
use web::limits::Limits;

/// A request's body is waited for this long.
const BODY_WAIT: Duration = Duration::from_secs(10);

/// The bounds of a witness's listener: a few logs ask once a second.
pub fn limits() -> Limits {
    Limits {
        connections_max: 128,
        connections_per_source_max: 16,
        form_bytes_max: REQUEST_BYTES_MAX,
        request_max: Duration::from_secs(20),
        ..Limits::default()
    }
}

/// The routes.
pub fn router(witness: Arc<Witness>) -> Router {
    let rate = Arc::new(Rate::new(Instant::now()));
    Router::new().route("/add-checkpoint", post(add_checkpoint)).with_state((witness, rate))
}

async fn add_checkpoint(
    State((witness, rate)): State<(Arc<Witness>, Arc<Rate>)>,
    Extension(address): Extension<ClientAddress>,
    body: Body,
) -> Response {
    if !rate.admits(address.source(), Instant::now()) {
        return said(StatusCode::TOO_MANY_REQUESTS, "too many requests from there: wait a minute\n");
    }
    let body = match tokio::time::timeout(BODY_WAIT, to_bytes(body, REQUEST_BYTES_MAX)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return said(StatusCode::BAD_REQUEST, "not a request, or longer than one may be\n"),
        Err(_) => return said(StatusCode::REQUEST_TIMEOUT, "the request did not arrive in time\n"),
    };
    let answered = tokio::task::spawn_blocking(move || witness.add_checkpoint(&body, SystemClock.now())).await;
    answer(answered.unwrap_or(Answer::Failed))
}

fn said(status: StatusCode, text: impl Into<String>) -> Response {
    (status, [(CONTENT_TYPE, "text/plain; charset=utf-8")], text.into()).into_response()
}

fn answer(answer: Answer) -> Response {
    match answer {
        Answer::Cosigned(lines) => said(StatusCode::OK, lines),
        Answer::Malformed => said(StatusCode::BAD_REQUEST, "not a request of tlog-witness\n"),
        Answer::Untrusted => said(StatusCode::FORBIDDEN, "no key that this witness trusts for this log signed it\n"),
        Answer::Unknown => said(StatusCode::NOT_FOUND, "this witness does not watch this log\n"),
        Answer::Conflict { size, .. } => {
            (StatusCode::CONFLICT, [(CONTENT_TYPE, "text/x.tlog.size")], format!("{size}\n")).into_response()
        }
        Answer::Inconsistent => {
            said(StatusCode::UNPROCESSABLE_ENTITY, "the checkpoint does not continue the last one cosigned\n")
        }
        Answer::Failed => said(StatusCode::INTERNAL_SERVER_ERROR, "the witness cannot remember: nothing is cosigned\n"),
    }
}

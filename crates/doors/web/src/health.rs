//! What a supervisor may know of a node: named checks, told by those who own the things checked, on a listener of
//! its own that no stranger reaches. No version, no path, no name of a person.

use axum::{
    Json, Router,
    extract::State as Shared,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Serialize;
use std::{collections::BTreeMap, sync::Arc};
use tokio::sync::watch;

/// How a part of the node does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// All is well.
    Ready,
    /// The node serves, with something missing; said in a few words without personal data.
    Degraded(String),
    /// The node cannot serve.
    Down(String),
}

/// Gives the metrics at the moment asked. Numbers only: no name, no address.
pub type Render = Arc<dyn Fn() -> String + Send + Sync>;

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The node's health: cheap to clone, read by anybody, written through [`Check`]s.
#[derive(Debug, Clone)]
pub struct Health {
    checks: watch::Sender<BTreeMap<&'static str, State>>,
}

impl Default for Health {
    fn default() -> Self {
        Self { checks: watch::Sender::new(BTreeMap::new()) }
    }
}

/// One named check, in the hands of the owner of what it speaks of.
#[derive(Debug)]
pub struct Check {
    name: &'static str,
    checks: watch::Sender<BTreeMap<&'static str, State>>,
}

impl Check {
    /// Says how it does now.
    pub fn set(&self, state: State) {
        self.checks.send_if_modified(|checks| checks.insert(self.name, state.clone()).as_ref() != Some(&state));
    }
}

impl Health {
    /// No check yet: ready as soon as those registered are.
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers a check; it is down, "starting", until its owner speaks.
    pub fn check(&self, name: &'static str) -> Check {
        let check = Check { name, checks: self.checks.clone() };
        check.set(State::Down("starting".to_owned()));
        check
    }

    /// The worst of all checks.
    pub fn overall(&self) -> State {
        let checks = self.checks.borrow();
        let rank = |state: &State| match state {
            State::Ready => 0,
            State::Degraded(_) => 1,
            State::Down(_) => 2,
        };
        checks.values().max_by_key(|state| rank(state)).cloned().unwrap_or(State::Ready)
    }

    /// Follows changes, for a log or a page.
    pub fn watch(&self) -> watch::Receiver<BTreeMap<&'static str, State>> {
        self.checks.subscribe()
    }

    /// `/health`: 200 while the node serves, 503 otherwise, with every check. `/health/live`: 200 while the process
    /// answers at all. `/metrics`: what `render` gives, in the OpenMetrics text form that Prometheus reads.
    pub fn router(&self, render: Render) -> Router {
        let metrics = move || async move { ([(CONTENT_TYPE, OPENMETRICS)], render()) };
        Router::new()
            .route("/health", get(report))
            .route("/health/live", get(|| async { "live\n" }))
            .route("/metrics", get(metrics))
            .with_state(self.clone())
            .layer(axum::middleware::map_response(|mut response: Response| async move {
                crate::headers::put(&mut response);
                response
            }))
    }
}

#[derive(Serialize)]
struct Line {
    name: &'static str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Serialize)]
struct Report {
    status: &'static str,
    checks: Vec<Line>,
}

fn words(state: &State) -> (&'static str, Option<String>) {
    match state {
        State::Ready => ("ready", None),
        State::Degraded(reason) => ("degraded", Some(reason.clone())),
        State::Down(reason) => ("down", Some(reason.clone())),
    }
}

async fn report(Shared(health): Shared<Health>) -> Response {
    let overall = health.overall();
    let line = |(name, state): (&&'static str, &State)| {
        let (status, reason) = words(state);
        Line { name, status, reason }
    };
    let report = Report { status: words(&overall).0, checks: health.checks.borrow().iter().map(line).collect() };
    let status = if matches!(overall, State::Down(_)) { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    (status, Json(report)).into_response()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use axum::{body::Body, http::Request};
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    async fn ask(health: &Health, path: &str) -> (u16, String) {
        let response = health
            .router(Arc::new(|| "# EOF\n".into()))
            .oneshot(Request::get(path).body(Body::empty()).unwrap())
            .await
            .unwrap();
        let status = response.status().as_u16();
        (status, String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap())
    }

    #[tokio::test]
    async fn the_worst_check_speaks() {
        let health = Health::new();
        let (store, sis) = (health.check("store"), health.check("sis"));
        assert_eq!(ask(&health, "/health").await.0, 503);
        assert_eq!(ask(&health, "/health/live").await.0, 200);
        store.set(State::Ready);
        sis.set(State::Degraded("unreachable".into()));
        let (status, body) = ask(&health, "/health").await;
        assert_eq!(status, 200);
        assert_eq!(
            body,
            r#"{"status":"degraded","checks":[{"name":"sis","status":"degraded","reason":"unreachable"},"#.to_owned()
                + r#"{"name":"store","status":"ready"}]}"#
        );
        sis.set(State::Ready);
        assert_eq!(health.overall(), State::Ready);
        assert_eq!(ask(&health, "/metrics").await, (200, "# EOF\n".to_owned()));
    }
}

//! Under `/api/` a door hears programs: no origin is asked, and no cookie counts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderMap, Request, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http_body_util::BodyExt;
use std::sync::Arc;
use tower::ServiceExt;
use types::Lang;
use web::{
    guard::{ErrorPages, Guard, PlainPages, guard},
    limits::Limits,
    reference::Reference,
};

struct ApiPages;

impl ErrorPages for ApiPages {
    fn page(&self, status: StatusCode, _: Lang, _: &Reference) -> Response {
        (status, [("content-type", "application/problem+json")], "an API's").into_response()
    }
}

/// The cookies that arrive and the length of the body; and one cookie too many on the way back.
async fn told(headers: HeaderMap, body: Bytes) -> Response {
    let cookies = headers.get_all("cookie").iter().count();
    ([("set-cookie", "a=b")], format!("{cookies} cookies, {} bytes", body.len())).into_response()
}

fn door(api: bool) -> Router {
    let router = Router::new()
        .route("/api/v1/told", get(told).post(told))
        .route("/apiary", post(told))
        .route("/told", get(told).post(told));
    let limits = Limits { form_bytes_max: 10, api_bytes_max: 20, ..Limits::default() };
    let api: Option<Arc<dyn ErrorPages>> = if api { Some(Arc::new(ApiPages)) } else { None };
    let origin = "https://localhost".parse().unwrap();
    guard(router, Guard { limits, origin, pages: Arc::new(PlainPages), on_fault: None, rehearsed: None, api })
}

struct Answer {
    status: u16,
    text: String,
    headers: HeaderMap,
}

async fn ask(router: &Router, line: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
    let (method, path) = line.split_once(' ').unwrap();
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = router.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    Answer { status: parts.status.as_u16(), text, headers: parts.headers }
}

#[tokio::test]
async fn no_origin_is_asked_and_no_cookie_counts() {
    let door = door(true);
    let cookies = [("cookie", "__Host-poterne-desk=x"), ("cookie", "y=z")];
    for (line, headers, expected) in [
        ("POST /api/v1/told", &[][..], "0 cookies, 4 bytes"),
        ("POST /api/v1/told", &cookies[..], "0 cookies, 4 bytes"),
        ("POST /api/v1/told", &[("origin", "https://elsewhere.example"), ("cookie", "x=y")], "0 cookies, 4 bytes"),
        ("GET /api/v1/told?x=1", &cookies[..], "0 cookies, 4 bytes"),
        ("GET /told", &cookies[..], "2 cookies, 4 bytes"),
    ] {
        let answer = ask(&door, line, headers, "body").await;
        assert_eq!((answer.status, answer.text.as_str()), (200, expected), "{line} {headers:?}");
        assert_eq!(answer.headers.contains_key("set-cookie"), line == "GET /told", "{line}");
        assert!(answer.headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    }
    // What only looks like it asks for the origin.
    for path in ["/told", "/apiary", "/%61pi/v1/told", "/API/v1/told", "//api/v1/told", "/fr/api/told"] {
        let answer = ask(&door, &format!("POST {path}"), &[], "body").await;
        assert_eq!(answer.status, 403, "{path}");
        assert!(!answer.text.contains("an API's"), "{path}");
    }
}

#[tokio::test]
async fn a_door_without_api_makes_no_exception() {
    let door = door(false);
    assert_eq!(ask(&door, "POST /api/v1/told", &[], "body").await.status, 403);
    let cookies = ask(&door, "GET /api/v1/told", &[("cookie", "x=y")], "").await;
    assert_eq!(cookies.text, "1 cookies, 0 bytes");
    assert!(ask(&door, "GET /api/v1/absent", &[], "").await.text.starts_with("404"));
}

#[tokio::test]
async fn its_errors_are_its_own_and_its_bodies_bounded() {
    let door = door(true);
    for (line, length, status) in [
        ("GET /api/v1/absent", 0, 404),
        ("GET /api", 0, 404),
        ("DELETE /api/v1/told", 0, 405),
        ("POST /api/v1/told", 20, 200),
        ("POST /api/v1/told", 21, 413),
    ] {
        // With its length said, and not.
        let said = ask(&door, line, &[("content-length", &length.to_string())], vec![b'x'; length]).await;
        let pieces = futures_pieces(length);
        let unsaid = ask(&door, line, &[], pieces).await;
        for answer in [said, unsaid] {
            assert_eq!(answer.status, status, "{line}");
            assert_eq!(answer.text == "an API's", status != 200, "{line}");
        }
    }
    let allow = ask(&door, "DELETE /api/v1/told", &[], "").await;
    assert_eq!(allow.headers["allow"], "GET,HEAD,POST");
}

/// A body whose length is not known before it ends.
fn futures_pieces(length: usize) -> Body {
    let whole = http_body_util::Full::new(Bytes::from(vec![b'x'; length]));
    Body::new(whole.map_frame(|frame| frame))
}

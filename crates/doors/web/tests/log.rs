//! The log line of a request names no person. In a test binary of its own: a process has one log.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use axum::{Extension, Router, body::Body, http::Request, routing::get};
use http_body_util::BodyExt;
use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};
use tower::ServiceExt;
use types::ClientAddress;
use web::{
    guard::{Guard, PlainPages, guard, keep_panics_quiet},
    limits::Limits,
    reference::Reference,
};

/// What the log holds.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_log_says_which_route_and_nobody() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt().json().with_writer(move || writer.clone()).init();
    keep_panics_quiet();
    let router = Router::new()
        .route("/patients/{id}", get(async |Extension(reference): Extension<Reference>| reference.to_string()))
        .route("/panic", get(async || -> &'static str { panic!("dupont") }));
    let router = guard(
        router,
        Guard {
            limits: Limits::default(),
            origin: "https://localhost".parse().unwrap(),
            pages: Arc::new(PlainPages),
            on_fault: None,
            rehearsed: None,
            api: None,
        },
    );
    let ask = async |method: &str, path: &str| {
        let request = Request::builder().method(method).uri(path);
        let request = request.extension(ClientAddress::new("192.0.2.7".parse().unwrap()));
        let response = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
    };
    let reference = ask("GET", "/patients/dupont?name=dupont").await;
    ask("GET", "/dupont").await;
    ask("DUPONT", "/").await;
    ask("GET", "/panic").await;

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let line = log.lines().find(|line| line.contains(&reference)).unwrap();
    for expected in [r#""method":"GET""#, r#""route":"/patients/{id}""#, r#""status":200"#, r#""micros":"#] {
        assert!(line.contains(expected), "{expected} in {line}");
    }
    for expected in [r#""route":"none","status":404"#, r#""method":"other""#, "log.rs:"] {
        assert!(log.contains(expected), "{expected} in {log}");
    }
    for absent in ["dupont", "DUPONT", "192.0.2.7"] {
        assert!(!log.contains(absent), "{absent} in {log}");
    }
}
